// Read: a command that changes nothing and stands in no log, its arguments checked.
#pragma once

#include <cstddef>
#include <string_view>

#include "protocol/command.hpp"
#include "protocol/fence.hpp"

namespace trellis {

/// Views point into the request.
struct Read {
  Command command = Command::kGet;           ///< kGet, kHas, kTtl, kQuery, kKeys, kScan, kCount,
                                             ///< kFenceHolds or kFenceRead.
  std::string_view key;                      ///< kGet, kHas, kTtl, kQuery.
  Path path;                                 ///< kQuery: without the key.
  PageArguments page;                        ///< kKeys and kScan; kCount: its prefix.
  KeyRange range;                            ///< kKeys, kScan and kCount.
  std::size_t page_size_max = kPageSizeMax;  ///< Bytes, kKeys, kScan and kFenceRead.
  FenceName fence;                           ///< kFenceHolds, and kFenceRead, whose page has an `after` alone.
};

}  // namespace trellis
