// PlaceReader: reads entries back from their places, checking each sector that they lie in.
//
// It reads ahead, and so lives no longer than nothing is written.
#pragma once

#include <cstdint>
#include <string>

#include "worker/log/entry_index.hpp"
#include "worker/log/recovery.hpp"

namespace trellis {

class PlaceReader {
 public:
  explicit PlaceReader(const OmittedLogRules& omitted = {}) : omitted_(omitted) {}

  /// The entry that lies there, whose payload is valid until the next call.
  /// Error: kInternal, with what is damaged and what to do.
  Result<EntryRecord> read(const OpenSegment& segment, const Place& place, const EntryIndex::Key& wanted);

 private:
  Result<void> load(const OpenSegment& segment, std::uint64_t offset, std::size_t size);

  OmittedLogRules omitted_;
  std::string window_;
  std::uint32_t window_file_ = 0;
  std::uint64_t window_offset_ = 0;
  std::uint64_t last_offset_ = 0;  ///< Where the last entry began.
  std::string contents_;
};

}  // namespace trellis
