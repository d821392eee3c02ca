#include "program/connections.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace trellis {

Connections::Connection* Connections::on_open(int fd, TimePoint now) {
  const std::lock_guard lock(mutex_);
  return *all_.insert(new Connection{fd, true, now}).first;
}

void Connections::on_close(Connection* connection) {
  const std::lock_guard lock(mutex_);
  all_.erase(connection);
  delete connection;
}

void Connections::on_request_whole(Connection* connection) {
  const std::lock_guard lock(mutex_);
  connection->waited_for = false;
}

void Connections::on_response_sent(Connection* connection, TimePoint now) {
  const std::lock_guard lock(mutex_);
  connection->waited_for = true;
  connection->since = now;
}

std::size_t Connections::end_those_waited_for_since(TimePoint then) {
  const std::lock_guard lock(mutex_);
  std::size_t ended = 0;
  for (Connection* connection : all_) {
    if (!connection->waited_for || connection->since > then) continue;
    // The descriptor is open: it is closed only after on_close, which waits for us.  The library sees the end of it.
    shutdown(connection->fd, SHUT_RDWR);
    ++ended;
  }
  return ended;
}

std::size_t Connections::count() const {
  const std::lock_guard lock(mutex_);
  return all_.size();
}

std::size_t Connections::busy() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(all_.begin(), all_.end(), [](const Connection* connection) { return !connection->waited_for; }));
}

}  // namespace trellis
