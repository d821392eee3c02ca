// How brokers call their clients: the routing id in front of a request, and of the reply to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trellis::sim {

struct SimulatedClient {
  std::size_t index = 0;
  bool is_raw = false;           ///< A RawClient,
  std::uint64_t connection = 0;  ///< and which of its connections.
};

inline std::string address_of(const SimulatedClient& client) {
  return (client.is_raw ? "r" : "c") + std::to_string(client.index) + "." + std::to_string(client.connection);
}

inline SimulatedClient client_at(std::string_view address) {
  const std::size_t dot = address.find('.');
  const std::string index(address.substr(1, dot - 1));
  return {std::stoul(index), address.front() == 'r', std::stoull(std::string(address.substr(dot + 1)))};
}

}  // namespace trellis::sim
