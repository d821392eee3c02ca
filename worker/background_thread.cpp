#include "worker/background_thread.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "protocol/check.hpp"

namespace trellis {

BackgroundThread::BackgroundThread() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(fd_ >= 0);
  thread_ = std::thread([this] { work(); });
}

BackgroundThread::~BackgroundThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  close(fd_);
}

void BackgroundThread::run(std::function<void()> work, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(work), std::move(done)});
  }
  changed_.notify_all();
}

void BackgroundThread::run_finished() {
  std::unique_lock lock(mutex_);
  if (finished_.empty()) return;
  std::uint64_t count = 0;
  static_cast<void>(::read(fd_, &count, sizeof count));
  const std::deque<std::function<void()>> finished = std::exchange(finished_, {});
  lock.unlock();
  for (const auto& done : finished) done();
}

void BackgroundThread::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job.work();
    job.work = nullptr;  // What it held is freed here, not on the loop.
    lock.lock();
    finished_.push_back(std::move(job.done));
    const std::uint64_t one = 1;
    static_cast<void>(::write(fd_, &one, sizeof one));
  }
}

}  // namespace trellis
