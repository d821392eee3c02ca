// Poller: sleeps until a ZeroMQ socket or a descriptor may have something, with one system call.
//
// zmq_poll() looks into every socket before and after it sleeps, some ten system calls a turn with two sockets.  Here
// the sockets' own descriptors (ZMQ_FD) are polled.  Such a descriptor is readable once a socket's I/O thread has left
// word for it, and is reset by whoever uses the socket next, whatever the word was: a send may take in what says that a
// message has come.  So the loop's part of the bargain is this:
//
//   - after each wait, all sockets are received from, with receive_all();
//   - one that was sent on is named to look_at(), and is looked into before the next sleep.
//
// Thread: that of the sockets.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <vector>
#include <zmq.hpp>

#include "program/connection_watch.hpp"
#include "program/zmq_frames.hpp"

namespace trellis {

class Poller {
 public:
  /// Which of the sockets, in the order in which they were added.
  using Number = std::size_t;

  /// The socket stays where it is.
  Number add(zmq::socket_t& socket);
  /// Messages of more frames are dropped, and their senders cut off; `watch` stays where it is.
  void guard(Number socket, std::size_t frames_max, ConnectionWatch& watch);
  /// Wakes the loop when it is readable; what that means, its owner asks elsewhere.
  void add(int descriptor);
  void remove(Number socket);
  void remove(int descriptor);

  void look_at(Number socket) { sockets_[socket].is_unsure = true; }

  /// Returns when a socket or descriptor may have something, after `most`, or at a signal.
  void wait(std::chrono::milliseconds most);
  /// Receives all that waits on a socket, if the last wait() found it ready, but no more than `most` messages: what is
  /// left comes after the next wait().  Each is handed to `take` as Frames&.
  template <typename Take>
  void receive_all(Number socket, int most, const Take& take) {
    if (!sockets_[socket].is_ready) return;
    for (int n = 0; n < most; ++n) {
      if (!receive_one(sockets_[socket])) return;
      take(frames_);
    }
    look_at(socket);
  }

 private:
  struct Socket {
    zmq::socket_t* socket = nullptr;
    std::size_t polled = 0;  ///< Where in polled_.
    bool is_unsure = true;
    bool is_ready = false;
    Intake intake;
    ConnectionWatch* watch = nullptr;
  };
  bool receive_one(Socket& from);

  std::vector<Socket> sockets_;
  std::vector<pollfd> polled_;  ///< One that was removed has descriptor -1, which poll() passes over.
  Frames frames_;               ///< The message that is being taken in.
};

}  // namespace trellis
