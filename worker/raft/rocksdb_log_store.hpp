// RocksDbLogStore: the LogStore on disk.
//
// A thread of its own writes and syncs, so that the loop goes on meanwhile; an eventfd tells the loop when a batch is
// durable.  Where the disk has been quick and the batch is small, the loop writes it itself: that takes less time than
// two changes of thread, and what comes meanwhile makes up one larger batch.  Only one batch is under way at a time,
// and the two threads touch different WriteBatches: they hand over under one mutex.  All other functions belong to the
// loop's thread.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "worker/raft/log_store.hpp"

#include "worker/raft/log_compaction.hpp"

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace trellis {

class RocksDbLogStore final : public LogStore {
 public:
  /// Opens or makes the store in `folder`, which must exist.  Error: kInternal with what is wrong and what to do, as
  /// when another process holds it, the disk is full or a file is broken.
  static Result<std::unique_ptr<RocksDbLogStore>> open(const std::string& folder,
                                                       LogCompaction::Settings compaction = {});
  ~RocksDbLogStore() override;

  void put(std::string_view key, std::string_view head, std::string_view payload) override;
  void remove_range(std::string_view from, std::string_view to) override;
  bool has_collected() const override;
  void start_write() override;
  bool is_writing() const override { return writing_; }
  Duration write_took() const override { return took_; }
  Result<bool> finish_write() override;
  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<void> scan(std::string_view from, std::string_view to,
                    const std::function<Result<void>(std::string_view, std::string_view)>& visit) override;

  /// Files were lost: writes what is in memory into new ones, as far as that goes.
  void save_memory();
  /// Readable when finish_write() has something to say.
  int completion_fd() const { return completion_fd_; }
  /// Waits until the batch under way is durable; for start-up, before the loop runs.
  Result<void> wait();

 private:
  struct Batches;

  RocksDbLogStore(std::unique_ptr<rocksdb::DB> db, LogCompaction::Settings compaction);
  void write_batches();
  void write_batch();
  bool is_quick() const;

  std::unique_ptr<rocksdb::DB> db_;
  LogCompaction compaction_;
  std::unique_ptr<Batches> batches_;
  bool writing_ = false;  ///< Loop's thread only.
  int completion_fd_ = -1;

  // Of whoever writes: the writer while a write is requested, else the loop.
  Duration took_{};        ///< The last write.
  Duration usual_sync_{};  ///< A moving average.

  std::mutex mutex_;
  std::condition_variable changed_;
  enum class State { kIdle, kRequested, kDone, kStopping } state_ = State::kIdle;
  bool has_signalled_ = false;  ///< completion_fd_ is readable.
  std::string failure_;         ///< Set once, with kDone.
  std::thread writer_;
};

}  // namespace trellis
