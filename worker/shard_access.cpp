// The part of a Shard that deals with users and roles: as the leader of partition 0 it changes them as it is asked to,
// as any member it copies them, and tells brokers.
#include "protocol/access/access_changes.hpp"
#include "protocol/access/access_messages.hpp"
#include "protocol/access/access_reports.hpp"
#include "protocol/command.hpp"
#include "worker/shard.hpp"
#include "worker/state/command_result.hpp"

namespace trellis {

namespace {

/// A broker says a session of its own where its client says none.
std::uint64_t identity_of(const WorkerRequest& asked, const Request& request) {
  const std::uint64_t seq = asked.session.empty() ? asked.tag : asked.seq;
  return change_identity(asked.session, seq, request.command, request.arguments);
}

/// @param refusal  why, where it was this leader that refused it
CommandResult result_of(const DoneChange& done, const std::string& refusal) {
  const auto code = code_of(done.outcome);
  if (!code) return CommandResult::of(done.outcome == ChangeOutcome::kChanged);
  return CommandResult::failed(*code, refusal.empty() ? "this was refused when it was asked for first" : refusal);
}

}  // namespace

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
  // Whatever comes of it is replicated: a copy of the request that comes after another change does not undo that.
  const std::uint64_t identity = identity_of(each.request, request);
  if (const DoneChange* const done = records->find_done(identity)) return finish(result_of(*done, each.refusal));
  if (partition.proposes_access() || !partition.replica().can_propose()) return false;
  const auto next = with_change(*records, request.command, request.arguments);
  if (!next) each.refusal = next.error().message;
  each.has_proposed_access = true;
  partition.propose_access(records->version, with_done(*records, next, identity));
  return false;
}

}  // namespace trellis
