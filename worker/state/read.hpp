// Read: a command that changes nothing and stands in no log, its arguments checked.
#pragma once

#include <cstddef>
#include <string_view>

#include "protocol/command.hpp"

namespace trellis {

/// Views point into the request.
struct Read {
  Command command = Command::kGet;           ///< kGet, kHas, kTtl, kQuery, kKeys, kScan or kCount.
  std::string_view key;                      ///< kGet, kHas, kTtl, kQuery.
  Path path;                                 ///< kQuery: without the key.
  PageArguments page;                        ///< kKeys and kScan; kCount: its prefix.
  KeyRange range;                            ///< kKeys, kScan and kCount.
  std::size_t page_size_max = kPageSizeMax;  ///< Bytes, kKeys and kScan.
};

}  // namespace trellis
