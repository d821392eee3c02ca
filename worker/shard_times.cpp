// The part of a Shard that keeps the times of its groups: what is said of them, and what is written down.
#include "worker/shard.hpp"

namespace trellis {

Result<void> Shard::load_time(PartitionId id) {
  const auto stored = store_.get(records::time_name(id));
  if (!stored) return stored.error();
  if (!*stored) return {};
  const auto time = records::read_pair(**stored);
  if (!time) return time.error();
  noted_[id] = {time->first, std::min(time->second, kGroupTimeMax)};
  partitions_.at(id)->hear_time(noted_[id]);
  return {};
}

/// Where all replicas of a group restart, its time goes on from here: no entry tells of it while nothing is written.
void Shard::note_times() {
  times_noted_ = now_;
  for (const auto& [id, partition] : partitions_) {
    if (!partition->needs_time()) continue;
    const GroupTime time = partition->time();
    if (std::exchange(noted_[id], time) == time) continue;
    store_.put(records::time_name(id), records::pack_pair(time.term, time.ms));
  }
}

/// Beside the heartbeats: what a replica has not heard of the time is lost to the group when it is the next to lead.
void Shard::say_times() {
  if (now_ - times_said_ < settings_.replica.timing.heartbeat) return;
  times_said_ = now_;
  std::map<WorkerId, GroupTimes> said;
  for (const auto& [id, partition] : partitions_) {
    if (!partition->keeps_time() || !partition->needs_time()) continue;
    for (const ReplicaMember& member : partition->replica().configuration().members) {
      if (member.place.worker != membership_.self()) said[member.place.worker].emplace_back(id, partition->time());
    }
  }
  for (const auto& [peer, times] : said) to_peer(peer, PeerMessageType::kTimes, pack(times));
}

/// To a peer that has just started, and may lead before it hears a leader.
void Shard::say_all_times(WorkerId peer) {
  GroupTimes times;
  for (const auto& [id, partition] : partitions_) {
    if (partition->needs_time()) times.emplace_back(id, partition->time());
  }
  if (!times.empty()) to_peer(peer, PeerMessageType::kTimes, pack(times));
}

void Shard::on_times(std::string_view header) {
  const auto times = read_times(header);
  if (!times) return;
  for (const auto& [id, time] : *times) {
    if (Partition* const partition = find_partition(id)) partition->hear_time(time);
  }
}

}  // namespace trellis
