#include "sim/shard_settings.hpp"

#include "sim/cluster.hpp"
#include "sim/mutations/omitted_rules.hpp"
#include "sim/roles.hpp"

namespace trellis::sim {

ShardSettings shard_settings(const Cluster& cluster, std::size_t index, const std::string& address) {
  const ClusterShape& shape = cluster.shape();
  const Mutations& mutations = cluster.mutations();
  ShardSettings settings;
  settings.address = address;
  settings.brokers = cluster.brokers();
  settings.joins = shape.changes_members;
  if (shape.recovery_silence > Duration(0)) {
    settings.recovery_silence = std::chrono::duration_cast<std::chrono::milliseconds>(shape.recovery_silence);
  }
  const bool has_zone = shape.zones != 0 && !mutations.has(Mutation::kZonesIgnored);
  if (has_zone) settings.zone = "zone-" + std::to_string(index % shape.zones);
  settings.replica.snapshot_log_bytes = shape.snapshot_log_bytes;
  settings.replica.tail_bytes = shape.tail_bytes;
  settings.snapshot_sync_every = 1;
  settings.replica.piece_size = shape.piece_size;
  settings.replies_sent_at = shape.replies_sent_at;
  settings.replica.omitted = omitted_rules(mutations);
  settings.hand_over_after = shape.hand_over_after;
  settings.sessions = shape.sessions;
  if (mutations.has(Mutation::kSessionsGrow)) settings.sessions.writes_max = SessionLimits().writes_max;
  if (mutations.has(Mutation::kAnswersGrow)) settings.sessions.content_total_max = SessionLimits().content_total_max;
  settings.replica.install_timeout = std::chrono::milliseconds(2'000);
  if (shape.has_roles) settings.first_access = simulated_users();
  return settings;
}

}  // namespace trellis::sim
