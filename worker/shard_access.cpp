// The part of a Shard that deals with users and roles: as the leader of partition 0 it changes them as it is asked to,
// as any member it copies them, and tells brokers.
#include "protocol/access/access_changes.hpp"
#include "protocol/access/access_messages.hpp"
#include "protocol/command.hpp"
#include "worker/shard.hpp"
#include "worker/state/command_result.hpp"

namespace trellis {

void Shard::look_after_access() {
  Partition* const partition = find_partition(PartitionId{0});
  if (partition == nullptr) return;
  const std::uint64_t before = access_.version();
  const auto& applied = partition->state().system().access;
  access_.on_applied(applied);
  if (access_.version() != before) hello_due_ = now_;
  if (kept_map() == nullptr) return;
  if (applied == nullptr && settings_.first_access && !partition->proposes_access() &&
      partition->replica().can_propose()) {
    partition->propose_access(0, *settings_.first_access);
  }
  if (!access_.is_to_be_told(now_)) return;
  for (const Member& member : membership_.map()->members) {
    if (member.id == membership_.self()) continue;
    to_peer(member.id, PeerMessageType::kAccessNews, pack_access_version(access_.version()));
  }
}

void Shard::on_access_item(WorkerId from, const BundleItem& item) {
  switch (static_cast<PeerMessageType>(item.type)) {
    case PeerMessageType::kAccessNews:
      if (const auto told = read_access_version(item.header); told && access_.is_news(*told)) {
        to_peer(from, PeerMessageType::kAccessWanted, "");
      }
      break;
    case PeerMessageType::kAccessWanted:
      if (access_.records() != nullptr) to_peer(from, PeerMessageType::kAccess, pack(*access_.records()));
      break;
    case PeerMessageType::kAccess: {
      const std::uint64_t before = access_.version();
      note(access_.on_records(item.header));
      if (access_.version() != before) hello_due_ = now_;
      break;
    }
    default: break;
  }
}

void Shard::say_access(BrokerLink& link) {
  if (access_.version() != 0) add_access_news(link.out, access_.version());
}

/// Whether it was answered.
bool Shard::serve_access(ClusterRequest& each, const Request& request) {
  Partition& partition = *partitions_.at(PartitionId{0});
  const auto finish = [&](const CommandResult& result) {
    // So that its broker goes by it when it hands on the answer.
    if (access_.records() != nullptr) add_access_offer(brokers_[each.broker].out, *access_.records());
    answer_cluster(each.broker, each.request, Outcome::kDone, Frame(pack_reply_frame(request.id, result)));
    return true;
  };
  const auto& records = partition.state().system().access;
  if (records == nullptr) {
    if (settings_.first_access) return false;  // They are about to be there.
    return finish(CommandResult::failed(
        Code::kFailedPrecondition,
        "this cluster has no keys, and so no users: `trellis keys init DIR` makes them (docs/security.md)"));
  }
  access_.on_applied(records);
  const bool is_list = row_of(request.command).result != ResultType::kBoolean;
  if (is_list) return finish(CommandResult::of_packed(Frame(pack_access_report(*records, request.command))));
  if (each.proposed_access != 0 && records->version >= each.proposed_access) return finish(CommandResult::of(true));
  const auto next = with_change(*records, request.command, request.arguments);
  if (!next) return finish(CommandResult::failed(next.error()));
  if (next->version == records->version) return finish(CommandResult::of(false));
  if (each.proposed_access != 0 || partition.proposes_access() || !partition.replica().can_propose()) return false;
  each.proposed_access = next->version;
  partition.propose_access(records->version, *next);
  return false;
}

}  // namespace trellis
