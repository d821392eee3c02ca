// What a broker is told at its start, and the bounds it keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "program/slow_log.hpp"
#include "protocol/limits.hpp"
#include "protocol/types.hpp"

namespace trellis {

/// Bounds of one broker; tests make them small.
struct BrokerLimits {
  std::size_t requests_per_client = kRequestsUnderWayMax;
  std::size_t requests = 1 << 20;                         ///< Under way, of all clients.
  std::size_t bytes = std::size_t{1} << 30;               ///< All requests under way together.
  std::size_t bytes_per_worker = std::size_t{256} << 20;  ///< Sent to a worker and not answered.
  std::size_t batch_reply = 64 << 20;                     ///< Bytes of all results of a BATCH.
  std::size_t page_held = 64 << 20;                       ///< Bytes of shares that a KEYS or SCAN holds.
  /// Bytes of reads after which all that has gathered goes on to the workers, which begin while more is taken in.
  /// Writes alone wait for the end of a turn: the more there are at once, the fewer syncs they take.
  std::size_t sent_on_at = 32 << 10;
};

/// What the simulator leaves out or makes worse on purpose, to see whether it notices.  Nothing in production.
struct OmittedBrokerRules {
  bool minorities = false;         ///< A majority takes every replica.
  bool echoes = false;             ///< What an earlier broker sent measures the way to a worker.
  bool freshest = false;           ///< A recovery takes the stalest replica that is left.
  bool equal_plans = false;        ///< It takes another one of equally fresh replicas than other brokers.
  bool roles = false;              ///< Every user may do everything.
  bool changed_roles = false;      ///< Users go on with the rights that they had when they first asked.
  bool leadership_checks = false;  ///< One that confirms is enough, however many replicas there are.
  bool joint_proofs = false;       ///< Where reads of several partitions are proven for one, they are for all.
  bool targets = false;            ///< Whoever is to carry a partition, by the map, confirms for its leader.
  bool formers = false;            ///< Whoever has confirmed once goes on to count, with or without a vote.
};

struct BrokerOptions {
  /// -s: the addresses (host:port) that make up a new cluster, in the order of the server file.  Empty: this broker
  /// makes none.
  std::vector<std::string> servers;
  std::uint32_t k = 2;                            ///< For a cluster that it makes.
  std::uint32_t partitions = kPartitionsDefault;  ///< For a cluster that it makes.
  BrokerLimits limits;
  SlowSettings slow;
  OmittedBrokerRules omitted;
  std::chrono::milliseconds recovery_silence = kRecoverySilence;
};

}  // namespace trellis
