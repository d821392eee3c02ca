#include "worker/raft/log_compaction.hpp"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <algorithm>

namespace trellis {

LogCompaction::LogCompaction(rocksdb::DB& db, Settings settings)
    : db_(db), settings_(settings), compacted_at_(Clock::now()), thread_([this] { work(); }) {}

LogCompaction::~LogCompaction() {
  {
    const std::lock_guard lock(mutex_);
    canceled_ = true;
  }
  stopping_.notify_all();
  thread_.join();
}

void LogCompaction::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_.wait_for(lock, settings_.look_every, [this] { return canceled_.load(); })) {
    if (!is_due(Clock::now())) continue;
    has_removed_ = false;
    lock.unlock();
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.canceled = &canceled_;
    // A disk that fails is told by the next write of the log; one that is full now may have room the next time.
    db_.CompactRange(options, nullptr, nullptr).PermitUncheckedError();
    left_ = tables_size();
    compacted_at_ = Clock::now();
    lock.lock();
  }
}

bool LogCompaction::is_due(Clock::time_point now) const {
  if (!has_removed_) return false;
  const std::uint64_t size = tables_size();
  if (size < settings_.tables_min) return false;
  return size >= left_ + std::max(settings_.growth_min, left_ / 2) ||
         now - compacted_at_ >= settings_.at_the_latest_after;
}

std::uint64_t LogCompaction::tables_size() const {
  std::uint64_t size = 0;
  return db_.GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &size) ? size : 0;
}

}  // namespace trellis
