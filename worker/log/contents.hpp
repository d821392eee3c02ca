// What a log holds, in memory: where each entry lies, and the named records themselves.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "worker/log/entry_index.hpp"
#include "worker/log/record.hpp"

namespace trellis {

struct LogContents {
  EntryIndex entries;
  std::map<std::string, std::string, std::less<>> records;
  std::uint64_t freed_before = 0;  ///< Segments that begin before this batch are in use no more.

  /// @param place  where the record lies, for an entry
  /// False: no honest log holds this record here.
  bool apply(const Record& record, const Place& place);
};

}  // namespace trellis
