// UserConnections: which connection each client of a frontend with keys speaks over.
//
// ZeroMQ names a client by its routing id, and a client may choose one: whoever comes under the id of a client that has
// gone would be sent what that one had asked for.  So each connection has a number here, the core knows a client by its
// routing id and that number, and a reply goes out only while the connection is open that its request came by.
// ZeroMQ also leaves the connections of a user open who is removed: they are ended here.
//
// A connection is known from its first message on, by its descriptor and the address at its other end.
// Thread: that of the frontend's socket.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace trellis {

class UserConnections {
 public:
  /// Bytes that the number adds to a routing id.
  static constexpr std::size_t kNumberSize = sizeof(std::uint64_t);
  /// Connections that have gone are forgotten once there are twice as many as were open at the last look, and these.
  static constexpr std::size_t kForgottenMin = 64;

  /// The name under which the core knows the client: its routing id, and the number of the connection.  Empty: the
  /// connection has gone already.
  /// @param descriptor  that the message came over
  std::string name_of(int descriptor, std::string_view routing_id, std::uint64_t user);

  /// The routing id of such a name, while its connection is open; empty: it is not any more.
  std::string_view routing_id_of(std::string_view name);

  /// Whether the connection has said something.
  bool is_known(int descriptor) const;

  /// Ends the connections of users for whom this does not hold.  Returns how many.
  std::size_t end_where_not(const std::function<bool(std::uint64_t user)>& is_user);

 private:
  struct Connection {
    int descriptor = -1;
    std::string peer;  ///< Its address, as the kernel has it.
    std::string routing_id;
    std::uint64_t user = 0;
  };
  static bool is_open(const Connection& connection);
  void forget_closed();

  std::unordered_map<std::uint64_t, Connection> connections_;  ///< By number.
  std::unordered_map<int, std::uint64_t> by_descriptor_;       ///< The newest of each.
  std::uint64_t last_ = 0;
  std::size_t forget_at_ = kForgottenMin;
};

}  // namespace trellis
