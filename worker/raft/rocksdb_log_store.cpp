#include "worker/raft/rocksdb_log_store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "protocol/check.hpp"
#include "worker/raft/wal_check.hpp"

namespace trellis {
namespace {

/// A disk that syncs faster than this is waited for; else the loop would stand still for too long.
constexpr Duration kQuickSync = std::chrono::milliseconds(1);
constexpr int kSyncsRemembered = 16;
/// Behind a larger batch there is work to be done while it is written.
constexpr std::size_t kInlineSizeMax = 16 << 10;

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

/// RocksDB's own chatter, dropped: what went wrong is in the status of each call.  Its LOG file must not be: after a
/// line that did not fit on a full disk the next one stops the process (an assertion, in Debian's build).
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options options() {
  rocksdb::Options options;
  options.info_log = std::make_shared<NoLog>();
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = 64 << 20;
  options.max_background_jobs = 2;
  options.max_total_wal_size = 512 << 20;
  // Files are written back as they grow: else the sync of a large one at its end keeps those of the log waiting.
  options.bytes_per_sync = 1 << 20;
  // The log is read at start alone, when all of it is in files: keeping memory in order would be work for nobody.
  options.memtable_factory = std::make_shared<rocksdb::VectorRepFactory>();
  options.allow_concurrent_memtable_write = false;
  // A power cut tears the record that was being written; nothing behind a torn record was acknowledged.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // A failed background write or sync stops the store, as the replicas must stop then.
  options.max_bgerror_resume_count = 0;
  return options;
}

Error explain(const rocksdb::Status& status, const std::string& folder) {
  std::string remedy;
  if (status.IsIOError() && status.ToString().find("LOCK") != std::string::npos) {
    remedy = "; another worker uses this folder: give each its own --data";
  } else if (status.IsCorruption()) {
    // Not an older copy, nor an empty folder: what this worker voted and acknowledged since would be forgotten.
    remedy =
        "; the files are damaged: put them back as they were last; the other replicas hold this worker's data and "
        "serve on without it";
  } else if (status.IsNoSpace()) {
    remedy = "; the disk is full: make room and start the worker again";
  } else {
    remedy = "; mend the cause (space, permissions, disk) and start the worker again";
  }
  return {Code::kInternal, "log store " + folder + ": " + status.ToString() + remedy};
}

}  // namespace

/// The batch that is collected and the one that is written.
struct RocksDbLogStore::Batches {
  rocksdb::WriteBatch collected;
  rocksdb::WriteBatch written;
};

Result<std::unique_ptr<RocksDbLogStore>> RocksDbLogStore::open(const std::string& folder,
                                                               LogCompaction::Settings compaction) {
  if (auto checked = check_log_ends(folder); !checked) return checked.error();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options(), folder, &db);
  if (!status.ok()) return explain(status, folder);
  return std::unique_ptr<RocksDbLogStore>(new RocksDbLogStore(std::unique_ptr<rocksdb::DB>(db), compaction));
}

RocksDbLogStore::RocksDbLogStore(std::unique_ptr<rocksdb::DB> db, LogCompaction::Settings compaction)
    : db_(std::move(db)),
      compaction_(*db_, compaction),
      batches_(std::make_unique<Batches>()),
      completion_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(completion_fd_ >= 0);
  writer_ = std::thread([this] { write_batches(); });
}

RocksDbLogStore::~RocksDbLogStore() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return state_ != State::kRequested; });
    state_ = State::kStopping;
  }
  changed_.notify_all();
  writer_.join();
  close(completion_fd_);
}

void RocksDbLogStore::put(std::string_view key, std::string_view head, std::string_view payload) {
  const rocksdb::Slice keys[] = {slice(key)};
  const rocksdb::Slice values[] = {slice(head), slice(payload)};
  CHECK(batches_->collected.Put(rocksdb::SliceParts(keys, 1), rocksdb::SliceParts(values, 2)).ok());
}

void RocksDbLogStore::remove_range(std::string_view from, std::string_view to) {
  CHECK(batches_->collected.DeleteRange(slice(from), slice(to)).ok());
  compaction_.on_removed();
}

void RocksDbLogStore::save_memory() { static_cast<void>(db_->Flush(rocksdb::FlushOptions())); }

bool RocksDbLogStore::has_collected() const { return batches_->collected.Count() > 0; }

void RocksDbLogStore::start_write() {
  CHECK(!writing_);
  writing_ = true;
  // The writer does not touch these batches before it is asked to.
  std::swap(batches_->collected, batches_->written);
  std::unique_lock lock(mutex_);
  if (is_quick()) {
    write_batch();
    state_ = State::kDone;
    return;
  }
  state_ = State::kRequested;
  lock.unlock();
  changed_.notify_all();
}

/// Two changes of thread cost more than a quick sync keeps the loop from doing.
bool RocksDbLogStore::is_quick() const {
  return usual_sync_ < kQuickSync && batches_->written.GetDataSize() <= kInlineSizeMax;
}

void RocksDbLogStore::write_batch() {
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const auto begun = std::chrono::steady_clock::now();
  const rocksdb::Status status = db_->Write(synced, &batches_->written);
  took_ = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begun);
  usual_sync_ += (took_ - usual_sync_) / kSyncsRemembered;
  batches_->written.Clear();
  if (!status.ok()) failure_ = explain(status, db_->GetName()).message;
}

Result<bool> RocksDbLogStore::finish_write() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kDone) return false;
  if (std::exchange(has_signalled_, false)) {
    std::uint64_t count = 0;
    static_cast<void>(::read(completion_fd_, &count, sizeof count));
  }
  if (!failure_.empty()) return Error{Code::kInternal, failure_};
  state_ = State::kIdle;
  writing_ = false;
  return true;
}

Result<void> RocksDbLogStore::wait() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return state_ != State::kRequested; });
  }
  if (auto finished = finish_write(); !finished) return finished.error();
  return {};
}

void RocksDbLogStore::write_batches() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return state_ == State::kRequested || state_ == State::kStopping; });
    if (state_ == State::kStopping) return;
    lock.unlock();
    write_batch();
    lock.lock();
    state_ = State::kDone;
    has_signalled_ = true;
    changed_.notify_all();
    const std::uint64_t one = 1;
    static_cast<void>(::write(completion_fd_, &one, sizeof one));
  }
}

Result<std::optional<std::string>> RocksDbLogStore::get(std::string_view key) {
  std::string value;
  const rocksdb::Status status = db_->Get({}, slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return explain(status, db_->GetName());
  return std::optional<std::string>(std::move(value));
}

Result<void> RocksDbLogStore::scan(std::string_view from, std::string_view to,
                                   const std::function<Result<void>(std::string_view, std::string_view)>& visit) {
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
  for (at->Seek(slice(from)); at->Valid() && at->key().compare(slice(to)) < 0; at->Next()) {
    if (auto visited = visit(at->key().ToStringView(), at->value().ToStringView()); !visited) return visited.error();
  }
  if (!at->status().ok()) return explain(at->status(), db_->GetName());
  return {};
}

}  // namespace trellis
