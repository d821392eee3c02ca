// ThreadedLogWriter: the LogWriter of production.
//
// A thread of its own writes and syncs, so that the loop goes on meanwhile; an eventfd tells the loop when a write is
// durable.  Where the disk has been quick and the write is small, the loop does it itself: that takes less time than
// two changes of thread, and what comes meanwhile makes up one larger batch.  The two threads hand over under one
// mutex; all functions belong to the loop's thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "worker/log/log_writer.hpp"

namespace trellis {

class ThreadedLogWriter final : public LogWriter {
 public:
  ThreadedLogWriter();
  /// Waits for the write under way.
  ~ThreadedLogWriter() override;

  void start(LogWrite write) override;
  Result<bool> finish() override;
  Duration took() const override { return took_; }

  /// Readable when finish() has something to say.
  int completion_fd() const { return completion_fd_; }

 private:
  void run();
  void carry_out();
  bool is_quick() const;

  int completion_fd_ = -1;

  // These belong to whoever writes: the thread while a write is requested, else the loop.
  LogWrite write_;
  Duration took_{};        ///< The last write.
  Duration usual_sync_{};  ///< A moving average.

  std::mutex mutex_;
  std::condition_variable changed_;
  enum class State { kIdle, kRequested, kDone, kStopping } state_ = State::kIdle;
  bool has_signalled_ = false;    ///< completion_fd_ is readable.
  std::optional<Error> failure_;  ///< Set once, with kDone.
  std::thread thread_;
};

}  // namespace trellis
