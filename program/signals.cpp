#include "program/signals.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "protocol/check.hpp"

namespace trellis {
namespace {

// A signal handler finds its state in globals or nowhere.
std::atomic<int> event = -1;
std::atomic<bool> stop_requested = false;
struct sigaction earlier_term;
struct sigaction earlier_int;

static_assert(std::atomic<int>::is_always_lock_free, "the handler may take no lock");

/// Async-signal-safe: an atomic store and a write(2).
void raise_stop() {
  const int saved_errno = errno;
  stop_requested = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(event, &one, sizeof one);  // Fails only where it is raised already.
  errno = saved_errno;
}

void on_signal(int) { raise_stop(); }

}  // namespace

StopSignal::StopSignal() {
  CHECK(event == -1);
  stop_requested = false;
  event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  CHECK(event != -1);
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  // Without SA_RESTART a blocking call ends with EINTR, and its loop looks at requested().
  sigaction(SIGTERM, &action, &earlier_term);
  sigaction(SIGINT, &action, &earlier_int);
}

StopSignal::~StopSignal() {
  sigaction(SIGTERM, &earlier_term, nullptr);
  sigaction(SIGINT, &earlier_int, nullptr);
  close(event.exchange(-1));
}

int StopSignal::fd() const { return event; }
bool StopSignal::requested() const { return stop_requested; }
void StopSignal::request() { raise_stop(); }

}  // namespace trellis
