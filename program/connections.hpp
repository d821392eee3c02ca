// Connections: those that are open, and which of them take too long to bring a request whole.
//
// The library closes connections on which nothing happens; one that sends a byte now and then it would keep for ever.
// Safe from any thread.
#pragma once

#include <mutex>
#include <unordered_set>

#include "protocol/types.hpp"

namespace trellis {

class Connections {
 public:
  struct Connection {
    int fd = -1;
    bool waited_for = true;  ///< Its next request has not come whole.
    TimePoint since;
  };

  Connection* on_open(int fd, TimePoint now);
  void on_close(Connection* connection);
  void on_request_whole(Connection* connection);
  void on_response_sent(Connection* connection, TimePoint now);
  /// Ends the connections that have been waited for since before then; returns how many.
  std::size_t end_those_waited_for_since(TimePoint then);
  std::size_t count() const;
  /// Those whose request has come whole and is not answered to its end.
  std::size_t busy() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_set<Connection*> all_;
};

}  // namespace trellis
