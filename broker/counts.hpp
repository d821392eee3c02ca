// What a broker counts, and as text for Prometheus.  Plain values; the core adds to them, the server shows them.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "broker/registry.hpp"
#include "program/metrics.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "protocol/command_table.hpp"
#include "protocol/reports.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct BrokerCounts {
  static constexpr std::size_t kCodes = static_cast<std::size_t>(Code::kInternal) + 1;

  std::array<std::array<std::uint64_t, kCodes>, kCommandCount> replies{};
  std::array<Histogram, kCommandCount> seconds{};
  std::uint64_t refused = 0;  ///< Before a command was known or taken in.
  std::uint64_t denied = 0;   ///< Requests that their users may not make, in a BATCH each item.
  std::uint64_t leader_changes = 0;
  std::uint64_t messages_dropped = 0;  ///< Messages of workers that could not be read.

  void on_reply(Command command, Code status, Duration took);
};

/// What is there at the moment of a look.
struct BrokerGauges {
  std::size_t requests_under_way = 0;
  std::size_t calls_under_way = 0;
  std::size_t request_bytes = 0;
  std::size_t clients = 0;
  std::size_t users = 0;             ///< 0: none are known.
  std::uint64_t access_version = 0;  ///< The version of the users and roles that are known.
  StatusReport status;               ///< What STATUS answers.
  const ClusterMap* map = nullptr;   ///< Null: there is none yet.
};

std::string metrics_of(const BrokerCounts& counts, const BrokerGauges& gauges, const Registry& registry, TimePoint now);

}  // namespace trellis
