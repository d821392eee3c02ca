// The part of a Shard that moves replicas from worker to worker: how many at a time, how quickly, and how they stand.
//
// A leader adds no newcomer while as many as may be are on their way from this worker, of all groups that it leads; and
// a worker makes no replica while as many as may be are on their way to it.  Who is not heard counts in neither, so
// that a worker which never comes holds up nobody.
#include <algorithm>

#include "worker/shard.hpp"

namespace trellis {
namespace {

/// A replica whose leader was silent for so long is not on its way.
constexpr std::chrono::seconds kOnItsWayFor{5};
/// Who had to wait is told again of its replica within this time.
constexpr std::chrono::seconds kTurnedAwayFor{1};

}  // namespace

MoveLimits Shard::move_limits() const {
  const ClusterMap* const map = membership_.map();
  return map == nullptr ? MoveLimits{} : map->move_limits;
}

void Shard::count_moves() {
  moves_.sending = 0;
  moves_.waits.clear();
  std::erase_if(moves_.turned_away, [this](const auto& each) { return now_ - each.second > kTurnedAwayFor; });
  for (const auto& [id, partition] : partitions_) {
    if (!partition->replica().is_ready()) continue;
    for (const ReplicaMember& member : partition->replica().configuration().members) {
      moves_.sending += member.role != ReplicaRole::kVoter && peers_.is_heard(member.place.worker, now_);
    }
  }
  sender_.set_rate(move_limits().rate);
}

std::string Shard::address_of(WorkerId worker) const {
  const Member* const member = membership_.map()->find(worker);
  return member == nullptr ? to_string(worker) : member->address;
}

/// For people: what a group that is led here waits for; empty where it goes on by itself.
std::string Shard::wait_of(const Partition& partition, const GroupView& view, const GroupTarget& target) const {
  const Replica& replica = partition.replica();
  if (is_leaving_) return "its leader " + membership_.address() + " is about to stop";
  if (replica.is_transferring()) return "its leadership is handed over";
  switch (obstacle_of(view, target)) {
    case StepObstacle::kNone: return "";
    case StepObstacle::kMajorityBehind:
      return "a majority of its replicas is not up, or does not know the last change of its members yet";
    case StepObstacle::kNobodyTakesOver: return "none of the replicas that stay can take the leadership yet";
    case StepObstacle::kNewcomerSilent: break;
  }
  for (const MemberView& member : view.members) {
    if (member.role != ReplicaRole::kVoter && !member.is_up) {
      return address_of(member.place.worker) + " is not heard: is it down, or cut off?";
    }
  }
  return "";
}

/// Whether it is on its way here: it has no vote yet, and a leader.
bool Shard::is_receiving(const Partition& partition) const {
  const Replica& replica = partition.replica();
  const auto& members = replica.configuration().members;  // Empty: nothing has come yet.
  const auto has_no_vote = [&](const ReplicaMember& member) {
    return member.place == replica.self() && member.role != ReplicaRole::kVoter;
  };
  const bool is_newcomer = members.empty() || std::any_of(members.begin(), members.end(), has_no_vote);
  return is_newcomer && now_ - partition.leader_heard_at() < kOnItsWayFor;
}

std::vector<Receiving> Shard::receiving() const {
  std::vector<Receiving> receiving;
  for (const auto& [id, partition] : partitions_) {
    if (!is_receiving(*partition)) continue;
    const SnapshotReceiver::Progress progress = receiver_.progress(id);
    const std::uint64_t received = progress.size == 0 ? partition->state().bytes() : progress.received;
    receiving.push_back({id, progress.size, received, progress.problem});
  }
  for (const auto& [id, at] : moves_.turned_away) {
    if (partitions_.contains(id)) continue;
    receiving.push_back({id, 0, 0,
                         membership_.address() + " receives as many replicas as it may (moves=" +
                             std::to_string(move_limits().moves) + ")"});
  }
  return receiving;
}

void Shard::on_chunk_wanted(WorkerId from, std::string_view header) {
  const auto wanted = read_chunk_wanted(header);
  if (!wanted) return;
  if (wanted->size == 0) return sender_.keep(*wanted, now_);
  const Partition* const partition = find_partition(wanted->group);
  if (partition == nullptr) return;
  const auto receiver = partition->replica().member_on(from);
  const bool is_move = receiver && receiver->role != ReplicaRole::kVoter;
  if (!is_move) return send_chunk({from, *wanted});
  sender_.put_off({from, *wanted}, now_);
  send_put_off_chunks();
}

void Shard::send_chunk(const SnapshotSender::Want& want) {
  const Partition* const partition = find_partition(want.piece.group);
  if (partition == nullptr) return;
  const Frame bytes = sender_.read(want.piece, partition->snapshot_descriptor(), now_);
  to_peer(want.to, PeerMessageType::kChunk, pack(Chunk{want.piece.group, want.piece.name, want.piece.offset}), bytes);
}

/// What moves take of the wire keeps to the rate of the settings.
void Shard::send_put_off_chunks() {
  while (const auto want = sender_.take_due(now_)) {
    send_chunk(*want);
    const std::uint64_t size = std::min(want->piece.size, SnapshotReceiver::kChunkSize);
    moves_.bytes_sent += size;
    sender_.on_sent_for_move(size, now_);
  }
}

/// Links to those that are no members any more are closed.
void Shard::close_gone_peers() {
  const ClusterMap& map = *membership_.map();
  if (std::exchange(peers_as_of_, map.number()) == map.number()) return;
  const auto is_gone = [&map](const auto& each) { return map.find(each.first) == nullptr; };
  std::erase_if(to_peers_, [&](const auto& each) {
    if (!is_gone(each)) return false;
    output_.close_peer(each.first);
    return true;
  });
  std::erase_if(bulk_with_, is_gone);
  std::erase_if(answered_at_, is_gone);
}

}  // namespace trellis
