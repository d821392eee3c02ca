// BackgroundThread: the Background of production, one thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "worker/background.hpp"

namespace trellis {

class BackgroundThread final : public Background {
 public:
  BackgroundThread();
  /// Waits for the work under way; what has not begun is dropped.
  ~BackgroundThread() override;

  void run(std::function<void()> work, std::function<void()> done) override;
  void run_finished() override;
  /// Readable when run_finished() has something to do.
  int fd() const { return fd_; }

 private:
  struct Job {
    std::function<void()> work;
    std::function<void()> done;
  };
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  std::deque<std::function<void()>> finished_;
  bool stopping_ = false;
  int fd_;
  std::thread thread_;
};

}  // namespace trellis
