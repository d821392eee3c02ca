// LogCompaction: gives the disk back what was cut off the logs.
//
// RocksDB marks a range as removed and keeps its bytes until a compaction comes by, which the log's pattern of use
// (written once, removed soon, hardly ever read) does not bring about for long: the lower levels fill with what nobody
// wants any more.  So whatever was cut off is compacted away: when the tables have grown by a share of what was left
// last time, and after a while in any case.  What is written twice by this is bounded by that share.
//
// Threading: on_removed() by any thread; the work is done in a thread of its own, beside which writes go on.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace trellis {

class LogCompaction {
 public:
  struct Settings {
    std::chrono::milliseconds look_every{5'000};
    std::chrono::milliseconds at_the_latest_after{60'000};  ///< The last compaction.
    std::uint64_t tables_min = 64 << 20;                    ///< Bytes: below this there is nothing to be had.
    std::uint64_t growth_min = 256 << 20;                   ///< Bytes, or half of what was left, if that is more.
  };

  /// `db` outlives it.
  LogCompaction(rocksdb::DB& db, Settings settings);
  /// Calls off what is under way.
  ~LogCompaction();
  LogCompaction(const LogCompaction&) = delete;
  LogCompaction& operator=(const LogCompaction&) = delete;

  /// A range of the log was removed, or will be by the next write.
  void on_removed() { has_removed_.store(true, std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  void work();
  bool is_due(Clock::time_point now) const;
  std::uint64_t tables_size() const;

  rocksdb::DB& db_;
  Settings settings_;
  std::atomic<bool> has_removed_{true};  ///< Before this start, perhaps.
  std::atomic<bool> canceled_{false};
  std::uint64_t left_ = 0;          ///< Bytes of tables after the last compaction.
  Clock::time_point compacted_at_;  ///< Or when it began to look.
  std::mutex mutex_;
  std::condition_variable stopping_;
  std::thread thread_;
};

}  // namespace trellis
