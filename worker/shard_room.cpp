// Shard: how much of the disk the log takes, and what is done where there is no more.
//
// A worker whose disk is nearly full says so to its peers, and goes on voting and appending.  A leader takes what grows
// only while a majority of its group is not full; what makes documents fewer goes on, since all replicas on one full
// disk is the usual case.  The worker stops where what was kept back is used up, too.
#include <algorithm>

#include "worker/shard.hpp"

namespace trellis {
namespace {

/// The system is asked this often how much of the disk is left.
constexpr std::chrono::seconds kLookEvery{1};

}  // namespace

/// The log makes room by itself, but for entries that only a snapshot can take the place of.
void Shard::look_after_room() {
  std::uint64_t needed = 0;
  for (const auto& [id, partition] : partitions_) needed += partition->state().bytes() + settings_.replica.tail_bytes;
  store_.on_tick(now_, needed);
  const LogRoom room = store_.room();
  look_whether_full(room);
  if (!room.holder) return;
  if (Partition* holder = find_partition(*room.holder)) holder->make_room(!room.is_pressing);
}

void Shard::look_whether_full(const LogRoom& room) {
  if (now_ - room_looked_at_ < kLookEvery) return;
  room_looked_at_ = now_;
  std::uint64_t largest = 0;
  for (const auto& [id, partition] : partitions_) largest = std::max(largest, partition->state().bytes());
  const bool was_full = std::exchange(is_full_, room.is_full || snapshots_.room() < largest);
  if (is_full_ && !was_full) {
    warn(
        "the disk of the data folder is nearly full: this worker goes on with what is kept back; documents are refused "
        "where a majority of a partition's workers is full, and deleting them goes on; make room");
  }
  if (was_full && !is_full_) report(LogLevel::kInfo, "the disk of the data folder has room again", std::nullopt);
}

bool Shard::may_grow(const Replica& replica) const {
  if (!is_full_ && !peers_.is_any_full()) return true;
  return 2 * full_voters(replica) < replica.voters().size();
}

bool Shard::is_any_full(const Replica& replica) const {
  return (is_full_ || peers_.is_any_full()) && full_voters(replica) > 0;
}

std::size_t Shard::full_voters(const Replica& replica) const {
  const auto voters = replica.voters();
  return static_cast<std::size_t>(std::count_if(voters.begin(), voters.end(), [this](const ReplicaPlace& voter) {
    return voter.worker == membership_.self() ? is_full_ : peers_.is_full(voter.worker);
  }));
}

}  // namespace trellis
