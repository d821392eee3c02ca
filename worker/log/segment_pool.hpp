// SegmentPool: files for the segments to come, made beforehand or used again.
//
// A full disk is met where a file is made, before anything is promised.  Segments begin small, and each is twice as
// large as the one before up to a bound.  A batch that is written over what is there touches data alone; one that is
// the first to be written at its place waits for the file system's journal as well, which takes twice as long on a
// quick disk, and ten times on a busy machine.  So what was made is written with zeros, while the log has nothing to
// write, and what becomes free is used again, as long as no more is kept than was in use together lately.
//
// Loop's thread only; files are made, written and removed in the background.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "worker/background.hpp"
#include "worker/log/recovery.hpp"

namespace trellis {

struct DiskLogSettings {
  std::uint64_t segment_first = 1 << 20;  ///< Bytes, multiples of kBlockSize.
  std::uint64_t segment_max = 64 << 20;
  std::size_t spares = 2;  ///< Kept ready, also for when the disk is full.
  std::uint64_t bytes_max = std::uint64_t{4} << 30;
  OmittedLogRules omitted;
};

/// The bounds of bytes_max: the lower one has room for a few of the largest segments.
constexpr std::uint64_t kLogBytesMin = 512 << 20;
constexpr std::uint64_t kLogBytesMax = std::uint64_t{1} << 44;

class SegmentPool {
 public:
  SegmentPool(Disk& disk, Background& background, const DiskLogSettings& settings);
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;

  /// What was there at the start.
  void begin(std::vector<OpenSegment> spares, std::uint32_t last_file, std::uint64_t largest);
  /// A file of at least `size` bytes; nothing while it has to be made.  @param in_use  how many segments are
  std::optional<OpenSegment> take(std::uint64_t size, std::size_t in_use);
  /// It is not needed any more.  @param in_use  how many segments still are
  void give_back(OpenSegment segment, std::size_t in_use);
  /// Makes what is missing, unless that has failed.
  void prepare();
  /// The log has nothing to write: some zeros can be written.
  void on_idle();

  /// The log has had nothing to write for long: a file beyond those kept ready goes back to the disk.
  void let_go();

  /// Why the last file could not be made; nothing where it could.
  const std::optional<Error>& failure() const { return failure_; }
  bool is_making() const { return is_making_; }
  /// The cause may have gone: the next prepare() tries again.
  void retry() { may_try_ = true; }
  /// What the files that are ready take.
  std::uint64_t bytes() const;

 private:
  void remove(OpenSegment segment);

  struct Spare {
    OpenSegment segment;
    std::uint64_t written = 0;  ///< Bytes from its begin on, be it zeros or an earlier use.
  };
  void make(std::uint64_t size);
  void on_made(std::uint32_t number, std::uint64_t size, Result<std::shared_ptr<DiskFile>> made);
  std::uint64_t next_size() const;

  Disk& disk_;
  Background& background_;
  DiskLogSettings settings_;
  std::vector<Spare> spares_;
  std::uint32_t last_file_ = 0;
  std::uint64_t largest_ = 0;  ///< The largest file made, but for those that one batch alone was too large for.
  std::uint64_t wanted_ = 0;   ///< The size of what is waited for.
  std::size_t peak_ = 0;       ///< How many segments were in use together lately.
  bool is_making_ = false;
  bool may_try_ = true;        ///< To make a file, though the last one could not be made.
  std::uint32_t zeroing_ = 0;  ///< The file that zeros are written to just now; 0: none.
  std::optional<Error> failure_;
  /// Tells background work that the pool is gone.
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace trellis
