// SegmentReader: the batches of one segment, and what stands behind the last one that is whole.
//
// A power cut tears the batch that was being written: each of its sectors is there, or holds what stood there before,
// which is zeros or a whole sector of an earlier incarnation.  Such a batch was never acknowledged and is cut off.  A
// sector that is neither was damaged later, and so was whatever stands before a batch of the same incarnation, since
// none is begun before the last one is durable: to cut that off would be to forget what was promised.
#pragma once

#include <optional>
#include <string>

#include "worker/log/batch.hpp"
#include "worker/log/disk.hpp"
#include "worker/log/record.hpp"

namespace trellis {

/// What stands where the next batch would begin.
struct SegmentEnd {
  enum class Kind {
    kNothing,  ///< Nothing of this incarnation.
    kTorn,     ///< Parts of a batch that was never acknowledged.
    kDamaged,
  };
  Kind kind = Kind::kNothing;
  std::uint64_t offset = 0;  ///< kDamaged: of the first sector that is.  kTorn: one past the last part.
};

class SegmentReader {
 public:
  /// @param file  outlives it
  SegmentReader(const DiskFile& file, SegmentName name, const OmittedLogRules& omitted = {})
      : file_(file), name_(name), omitted_(omitted) {}
  /// From a batch in the middle on: the one that is said to begin at `offset`, with `ordinal`.
  SegmentReader(const DiskFile& file, SegmentName name, std::uint64_t offset, std::uint32_t ordinal)
      : file_(file), name_(name), offset_(offset), ordinal_(ordinal) {}

  struct Batch {
    BatchHead head;
    std::uint32_t begin = 0;   ///< Bytes of content before it.
    std::string_view records;  ///< Until the next call.
  };
  /// The next batch; nothing at the first that is not whole.  Error: the file cannot be read.
  Result<std::optional<Batch>> next();

  /// Where the next batch begins, and its ordinal; and where the last one began.
  std::uint64_t offset() const { return offset_; }
  std::uint64_t last_offset() const { return last_offset_; }
  std::uint32_t ordinal() const { return ordinal_; }

  /// Reads on to the end of the file.  To be asked where next() returned nothing.
  Result<SegmentEnd> end();

 private:
  Result<const char*> sectors(std::uint64_t offset, std::size_t count);
  Result<std::optional<std::uint64_t>> damage_of_next();
  std::optional<SectorMark> mark(const char* sector, std::uint64_t offset) const;

  const DiskFile& file_;
  SegmentName name_;
  OmittedLogRules omitted_;
  std::uint64_t offset_ = 0;
  std::uint64_t last_offset_ = 0;
  std::uint32_t ordinal_ = 0;
  std::string contents_;
  std::string window_;
  std::uint64_t window_offset_ = 0;
};

/// The name of the segment that a file begins with, as far as its first sector tells: its incarnation, and the number
/// of its first batch.  Nothing where nothing was ever written there.
struct SegmentStart {
  bool is_broken = false;  ///< Neither whole nor empty.
  std::optional<SegmentName> name;
};
Result<SegmentStart> read_segment_start(const DiskFile& file, std::uint32_t number);

}  // namespace trellis
