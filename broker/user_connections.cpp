#include "broker/user_connections.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace trellis {
namespace {

/// The bytes of the address at the other end; empty where nobody is there.
std::string peer_address(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return std::string(reinterpret_cast<const char*>(&address), size);
}

}  // namespace

bool UserConnections::is_open(const Connection& connection) {
  return peer_address(connection.descriptor) == connection.peer;
}

std::string UserConnections::name_of(int descriptor, std::string_view routing_id, std::uint64_t user) {
  std::uint64_t number = 0;
  const auto known = by_descriptor_.find(descriptor);
  if (known != by_descriptor_.end()) {
    const auto at = connections_.find(known->second);
    const bool is_same = at != connections_.end() && at->second.routing_id == routing_id && at->second.user == user;
    if (is_same) number = known->second;
    if (!is_same && at != connections_.end()) connections_.erase(at);  // Its descriptor is another one's now.
  }
  if (number == 0) {
    std::string peer = peer_address(descriptor);
    if (peer.empty()) return {};
    if (connections_.size() >= forget_at_) forget_closed();
    number = ++last_;
    connections_[number] = {descriptor, std::move(peer), std::string(routing_id), user};
    by_descriptor_[descriptor] = number;
  }
  std::string name(routing_id);
  name.append(reinterpret_cast<const char*>(&number), sizeof number);
  return name;
}

std::string_view UserConnections::routing_id_of(std::string_view name) {
  if (name.size() < kNumberSize) return {};
  std::uint64_t number = 0;
  const std::string_view routing_id = name.substr(0, name.size() - kNumberSize);
  std::memcpy(&number, name.data() + routing_id.size(), sizeof number);
  const auto at = connections_.find(number);
  if (at == connections_.end()) return {};
  if (is_open(at->second)) return routing_id;
  by_descriptor_.erase(at->second.descriptor);
  connections_.erase(at);
  return {};
}

bool UserConnections::is_known(int descriptor) const {
  const auto known = by_descriptor_.find(descriptor);
  const auto at = known == by_descriptor_.end() ? connections_.end() : connections_.find(known->second);
  return at != connections_.end() && is_open(at->second);
}

std::size_t UserConnections::end_where_not(const std::function<bool(std::uint64_t user)>& is_user) {
  std::size_t ended = 0;
  for (auto at = connections_.begin(); at != connections_.end();) {
    const Connection& connection = at->second;
    if (is_user(connection.user)) {
      ++at;
      continue;
    }
    if (is_open(connection)) {
      ::shutdown(connection.descriptor, SHUT_RDWR);
      ++ended;
    }
    by_descriptor_.erase(connection.descriptor);
    at = connections_.erase(at);
  }
  return ended;
}

void UserConnections::forget_closed() {
  std::erase_if(connections_, [](const auto& each) { return !is_open(each.second); });
  std::erase_if(by_descriptor_, [this](const auto& each) { return !connections_.contains(each.second); });
  forget_at_ = std::max(kForgottenMin, 2 * connections_.size());
}

}  // namespace trellis
