// ConnectionWatch: who is connected to a port, and who is cut off: bounds that ZeroMQ does not keep.
//
// ZeroMQ takes connections until no descriptor is left and then spins; and it gathers a multipart message in memory
// until its last frame has come, however long that takes: its own bounds are for a frame (ZMQ_MAXMSGSIZE) and for whole
// messages (high-water marks).  So this watches from beside it: the socket's monitor names the descriptor of each
// connection, the kernel counts what came over it (TCP_INFO), and shutdown(2) ends it.
//
//   - more connections than there is room for, or than one address may have: the newest are ended
//   - more bytes than the largest message since the last whole one: that message does not end, and its sender is cut
//     off
//   - many bytes, and no answer for long: its message has stalled, or its client has the routing id of another one, and
//     ZeroMQ drops all that it says without a word.  That is told, and nothing is done
//
// For the second, the sender of each message would have to be known, which costs some 100 ns a message (ZMQ_SRCFD).
// So it is asked only while a connection is observed: from when it has brought in more than the bound until its next
// message comes.
//
// Thread: that of the watched socket.  A descriptor is used again as soon as ZeroMQ has closed it; before one is ended
// it is compared with the address that it was accepted from.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <zmq.hpp>

#include "program/socket_monitor.hpp"
#include "protocol/types.hpp"

namespace trellis {

struct ConnectionLimits {
  std::size_t connections_max = 0;
  std::size_t per_address_max = 0;
  std::uint64_t message_size_max = 0;  ///< Bytes of one whole message, with its frames' heads.
  Duration unanswered_max{};           ///< A client that waits longer for its first answer is told of; zero: none.
};

class ConnectionWatch {
 public:
  static constexpr Duration kLookEvery = std::chrono::milliseconds(100);
  /// Connections whose bytes are looked at in one go.
  static constexpr std::size_t kLookedAtMax = 1'000;
  /// An observed connection is cut off only after so many looks, between which its loop has received.
  static constexpr int kLooksMin = 3;
  /// Each kind of trouble is told so often.
  static constexpr Duration kToldEvery = std::chrono::seconds(10);

  /// Before the socket is bound.  `port` names it in lines: "the frontend".
  ConnectionWatch(zmq::context_t& context, zmq::socket_t& watched, std::string port, ConnectionLimits limits);

  /// After the socket was received from.
  void tick(TimePoint now);
  /// Whether on_message() is to be told where messages come from.
  bool is_observing() const { return observed_ > 0; }
  void on_message(int descriptor);
  /// Its message had more frames than any message has.
  void cut_off(int descriptor);
  /// Ends the connections of which this holds, as far as their handshakes have begun.  Returns how many.
  std::size_t end_where(TimePoint now, const std::function<bool(int descriptor)>& is_to_end);
  /// Ends the connections of which this holds, and goes on to hold, once they are quiet: so that a message which is on
  /// its way, or waits to be taken in, is not lost with its connection.
  void end_once_quiet(TimePoint now, std::function<bool(int descriptor)> is_to_end);
  /// Quiet is what brought no byte in so many looks, between which its loop has received, and two round trips.
  static constexpr std::uint64_t kQuietLooks = 10;

  std::size_t connections() const { return connections_.size(); }
  std::uint64_t refused() const { return refused_; }        ///< Over a bound when they came.
  std::uint64_t cut_off() const { return cut_; }            ///< For a message that did not end.
  std::uint64_t unanswered() const { return unanswered_; }  ///< Told of, since their first answer did not come.
  std::uint64_t accepts_failed() const { return failed_; }  ///< For want of descriptors.
  std::uint64_t strange() const { return strange_; }        ///< Ended at the handshake.

 private:
  struct Connection {
    std::string peer;            ///< address:port, as it was accepted.
    std::string address;         ///< Without the port.
    std::uint64_t taken_at = 0;  ///< Bytes received when a message of it was last known to be whole.
    std::optional<std::uint64_t> observed_at;
    int looks = 0;
    bool is_settled = false;     ///< It was answered once, or told of.
    std::uint64_t received = 0;  ///< Bytes, as of
    TimePoint received_at;
  };
  using Connections = std::map<int, Connection>;
  /// One that is to end once it is quiet.
  struct Ending {
    std::string peer;  ///< As in Connection.
    std::uint64_t received = 0;
    std::uint64_t looks = 0;  ///< Since it brought the last byte.
  };

  void take_events(TimePoint now);
  void on_accepted(int descriptor, TimePoint now);
  void on_closed(int descriptor);
  void look(TimePoint now);
  /// False: it is gone, or cut off.
  bool look_at(int descriptor, Connection& connection, TimePoint now);
  void end_quiet_ones();
  bool is_over(int descriptor, Ending& ending);
  void look_for_an_answer(Connection& connection, std::uint64_t received, std::uint64_t sent, TimePoint now);
  void tell(std::optional<TimePoint>& told, TimePoint now, const std::string& line);

  SocketMonitor events_;
  std::string port_;
  ConnectionLimits limits_;
  Connections connections_;
  std::unordered_map<std::string, std::size_t> per_address_;
  std::map<int, Ending> ending_;                   ///< By descriptor,
  std::function<bool(int descriptor)> is_to_end_;  ///< as long as this holds.
  std::size_t observed_ = 0;
  int next_ = 0;  ///< The descriptor to be looked at next.
  TimePoint looked_at_;
  std::uint64_t refused_ = 0;
  std::uint64_t cut_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t unanswered_ = 0;
  std::uint64_t strange_ = 0;
  std::optional<TimePoint> refusal_told_;
  std::optional<TimePoint> cut_told_;
  std::optional<TimePoint> failure_told_;
  std::optional<TimePoint> unanswered_told_;
  std::optional<TimePoint> strange_told_;
};

/// For Prometheus: who is there, and who was not let in or was cut off, by port.  @param program  "broker", "worker"
std::string metrics_of(const std::string& program,
                       std::initializer_list<std::pair<std::string_view, const ConnectionWatch*>> ports);

}  // namespace trellis
