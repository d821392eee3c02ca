#include "worker/log/threaded_log_writer.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "protocol/check.hpp"

namespace trellis {
namespace {

/// A disk that syncs faster than this is waited for; else the loop would stand still for too long.
constexpr Duration kQuickSync = std::chrono::milliseconds(1);
constexpr int kSyncsRemembered = 16;
/// Behind a larger write there is work to be done while it is written.
constexpr std::size_t kInlineSizeMax = 16 << 10;

}  // namespace

ThreadedLogWriter::ThreadedLogWriter() : completion_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(completion_fd_ >= 0);
  thread_ = std::thread([this] { run(); });
}

ThreadedLogWriter::~ThreadedLogWriter() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return state_ != State::kRequested; });
    state_ = State::kStopping;
  }
  changed_.notify_all();
  thread_.join();
  close(completion_fd_);
}

void ThreadedLogWriter::start(LogWrite write) {
  std::unique_lock lock(mutex_);
  CHECK(state_ == State::kIdle);
  write_ = std::move(write);
  if (is_quick()) {
    carry_out();
    state_ = State::kDone;
    return;
  }
  state_ = State::kRequested;
  lock.unlock();
  changed_.notify_all();
}

/// Two changes of thread cost more than a quick sync keeps the loop from doing.
bool ThreadedLogWriter::is_quick() const {
  return usual_sync_ < kQuickSync && write_.pieces.size() == 1 && write_.pieces[0].bytes.size() <= kInlineSizeMax;
}

void ThreadedLogWriter::carry_out() {
  const auto begun = std::chrono::steady_clock::now();
  Result<void> done;
  for (const LogWrite::Piece& piece : write_.pieces) {
    if (done) done = piece.file->write_at(piece.offset, piece.bytes);
    if (done) done = piece.file->sync();
  }
  took_ = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begun);
  usual_sync_ += (took_ - usual_sync_) / kSyncsRemembered;
  write_.pieces.clear();
  if (!done) failure_ = done.error();
}

Result<bool> ThreadedLogWriter::finish() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kDone) return false;
  if (std::exchange(has_signalled_, false)) {
    std::uint64_t count = 0;
    static_cast<void>(::read(completion_fd_, &count, sizeof count));
  }
  if (failure_) return *failure_;
  state_ = State::kIdle;
  return true;
}

void ThreadedLogWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return state_ == State::kRequested || state_ == State::kStopping; });
    if (state_ == State::kStopping) return;
    lock.unlock();
    carry_out();
    lock.lock();
    state_ = State::kDone;
    has_signalled_ = true;
    changed_.notify_all();
    const std::uint64_t one = 1;
    static_cast<void>(::write(completion_fd_, &one, sizeof one));
  }
}

}  // namespace trellis
