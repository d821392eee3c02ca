// DiskLog: the LogStore on disk, one append-only log for all groups of a worker.
//
//   oldest                                                    newest                         spares
//   | segments, records | batch | batch | ... | next |  ...  | segments, records | batch |   | zeros, or earlier use |
//
// A segment is needed while an entry lies in it; the oldest one becomes free when its last entry is cut off, or written
// anew in a later batch (mover.hpp).  docs/log.md draws the format; recovery.hpp says how it is read.
//
// Loop's thread only: writer and background work for it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/log/collected.hpp"
#include "worker/log/log_store.hpp"
#include "worker/log/log_writer.hpp"
#include "worker/log/mover.hpp"
#include "worker/log/segment_pool.hpp"

namespace trellis {

class DiskLog final : public LogStore {
 public:
  /// Reads what is on the disk, and cuts off a torn end.  Disk, writer and background outlive it.
  /// Error: what is wrong and what to do, as when a file is damaged.
  static Result<std::unique_ptr<DiskLog>> open(Disk& disk, LogWriter& writer, Background& background,
                                               RandomSource random, const DiskLogSettings& settings = {});

  void append(PartitionId group, LogIndex index, const EntryHead& head, std::string_view payload) override;
  void truncate(PartitionId group, LogIndex from) override;
  void cut(PartitionId group, LogIndex first) override;
  void put_hard_state(PartitionId group, const HardState& state) override;
  void put(std::string_view name, std::string_view value) override;
  void remove(std::string_view from, std::string_view to) override;
  bool has_collected() const override { return !collected_.empty() || writes_for_itself_; }

  void start_write() override;
  bool is_writing() const override { return is_writing_; }
  Duration write_took() const override { return writer_.took(); }
  Result<bool> finish_write() override;

  Result<std::optional<HardState>> hard_state(PartitionId group) override;
  Result<std::optional<std::string>> get(std::string_view name) override;
  Result<void> scan(std::string_view from, std::string_view to, const RecordVisitor& visit) override;
  Result<void> entries(PartitionId group, const EntryVisitor& visit) override;

  void begin_turn() override { background_.run_finished(); }
  void on_tick(TimePoint now, std::uint64_t needed) override;
  LogRoom room() const override;
  std::uint64_t memory() const override;

  /// The number of the last batch that is durable.
  std::uint64_t last_batch() const { return last_batch_; }
  /// What was cut off at the start, for people; nothing where nothing was.
  const std::optional<std::string>& torn() const { return torn_; }

 private:
  DiskLog(Disk& disk, LogWriter& writer, Background& background, RandomSource random, const DiskLogSettings& settings);
  Result<void> take_over(Recovered recovered);
  Result<void> overwrite(std::uint64_t from, std::uint64_t end);
  Result<void> write_again(std::uint64_t from, std::uint64_t end);
  void begin_write();
  bool has_room(const BatchBuffer& batch) const;
  bool roll_over(LogWrite& write);
  void collect_checkpoint(const SegmentName& next);
  LogWrite::Piece seal(BatchBuffer& batch);
  void on_durable();
  void free_segments();
  std::uint64_t bytes_in_use() const;
  double share() const;
  bool is_disk_full() const;
  const OpenSegment& segment_of(const Place& place) const;

  LogWriter& writer_;
  Background& background_;
  RandomSource random_;
  DiskLogSettings settings_;
  SegmentPool pool_;
  Mover mover_;

  LogContents contents_;              ///< As it is durable.
  std::deque<OpenSegment> segments_;  ///< In use, the oldest first; batches go to the last.
  std::vector<OpenSegment> freed_;    ///< The batch that is collected says so.
  std::vector<OpenSegment> freeing_;  ///< The batch under way says so.
  std::uint64_t offset_ = 0;          ///< The next batch's, in the newest segment.
  std::uint32_t ordinal_ = 0;         ///< Its ordinal.
  std::uint64_t number_ = 1;          ///< Its number.

  Collected collected_;
  Collected under_way_;
  BatchBuffer checkpoint_;             ///< Begins a segment, together with the batch under way.
  BatchBuffer closing_;                ///< Ends the segment before it.
  std::uint32_t under_way_begin_ = 0;  ///< Bytes of content before it in its segment.
  bool is_writing_ = false;
  bool awaits_segment_ = false;  ///< The batch under way has no place yet.
  std::optional<Error> failure_;

  bool writes_for_itself_ = false;  ///< A batch is due, though nobody has collected anything.
  bool is_confirmed_ = true;        ///< No batch that holds something is the last one.
  std::optional<TimePoint> idle_since_;
  std::optional<TimePoint> retry_at_;
  TimePoint gave_back_at_;
  std::uint64_t bytes_max_;

  std::uint64_t last_batch_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t payload_ = 0;
  std::optional<std::string> torn_;
};

}  // namespace trellis
