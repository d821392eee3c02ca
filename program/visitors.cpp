#include "program/visitors.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace trellis {

Visitors::Visitor* Visitors::on_open(int fd, TimePoint now) {
  const std::lock_guard lock(mutex_);
  return *all_.insert(new Visitor{fd, true, now}).first;
}

void Visitors::on_close(Visitor* visitor) {
  const std::lock_guard lock(mutex_);
  all_.erase(visitor);
  delete visitor;
}

void Visitors::on_request_whole(Visitor* visitor) {
  const std::lock_guard lock(mutex_);
  visitor->waited_for = false;
}

void Visitors::on_response_sent(Visitor* visitor, TimePoint now) {
  const std::lock_guard lock(mutex_);
  visitor->waited_for = true;
  visitor->since = now;
}

std::size_t Visitors::end_those_waited_for_since(TimePoint then) {
  const std::lock_guard lock(mutex_);
  std::size_t ended = 0;
  for (Visitor* visitor : all_) {
    if (!visitor->waited_for || visitor->since > then) continue;
    // The descriptor is open: it is closed only after on_close, which waits for us.  The library sees the end of it.
    shutdown(visitor->fd, SHUT_RDWR);
    ++ended;
  }
  return ended;
}

std::size_t Visitors::count() const {
  const std::lock_guard lock(mutex_);
  return all_.size();
}

std::size_t Visitors::busy() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(all_.begin(), all_.end(), [](const Visitor* visitor) { return !visitor->waited_for; }));
}

}  // namespace trellis
