// What a worker of the simulated group does about members that change: as a leader it goes towards the target, as
// anybody it makes and deletes its replica.
#include <algorithm>

#include "sim/group/group_run.hpp"
#include "sim/group/group_worker.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kUpWithin{500};
constexpr milliseconds kDownAfter{1'500};
constexpr milliseconds kMissedAfter{700};

}  // namespace

std::string follow_command(std::uint64_t version) {
  std::string command = "F";
  for (int shift = 0; shift < 64; shift += 8) command.push_back(static_cast<char>(version >> shift));
  return command;
}

std::optional<std::uint64_t> followed_version_of(std::string_view command) {
  if (command.size() != 9) return std::nullopt;
  std::uint64_t version = 0;
  for (std::size_t i = 8; i > 0; --i) version = version << 8 | static_cast<unsigned char>(command[i]);
  return version;
}

void GroupWorker::learn_map(std::uint64_t version) {
  map_ = group_.settings().mutations.has(Mutation::kMapGoesBack) ? version : std::max(map_, version);
}

void GroupWorker::reconcile() {
  turn([this] {
    if (!is_ready() || replica_->is_transferring() || replica_->is_changing()) return;
    // No leader follows an older map than its group.
    if (map_ < followed_ && group_.settings().mutations.has(Mutation::kMapGoesBack)) return take_step(map_);
    if (map_ == followed_) return take_step(followed_);
    if (map_ < followed_ || !replica_->can_propose()) return;
    std::vector<CommandBuffer> commands;
    propose_one(follow_command(map_), commands);
    replica_->propose(std::move(commands));
    is_woken_ = true;
  });
}

Duration GroupWorker::silence_of(WorkerId other) const {
  return other == id() ? Duration::zero() : world_.now() - heard_.at(other);
}

GroupView GroupWorker::view() const {
  const ReplicaConfiguration configuration = replica_->configuration();
  GroupView view{local_.held, configuration.index, replica_->last_index(), {}};
  for (const ReplicaMember& member : configuration.members) {
    const Duration silence = silence_of(member.place.worker);
    view.members.push_back({member.place, member.role, replica_->match_index(member.place.id), silence < kUpWithin,
                            silence >= kDownAfter});
  }
  return view;
}

void GroupWorker::take_step(std::uint64_t version) {
  if (group_.settings().mutations.has(Mutation::kRemovalBeforePromotion)) remove_too_early();
  const auto step = next_step(view(), group_.targets().at(version));
  if (!step) return;
  is_woken_ = true;
  if (!step->change) return static_cast<void>(replica_->transfer_to(step->replica.id));
  const ReplicaConfiguration before = replica_->configuration();
  if (replica_->change(*step->change, step->replica)) group_.on_change(index_, *step, before);
}

/// A mutation: whoever leaves is removed at once.
void GroupWorker::remove_too_early() {
  const auto& target = group_.targets().at(followed_);
  const ReplicaConfiguration before = replica_->configuration();
  for (const ReplicaMember& member : before.members) {
    const auto& wanted = target.replicas;
    if (std::find(wanted.begin(), wanted.end(), member.place) != wanted.end()) continue;
    const GroupStep step{MemberChange::kRemove, member.place};
    if (replica_->change(MemberChange::kRemove, member.place)) group_.on_change(index_, step, before);
  }
}

void GroupWorker::say(WorkerId to, std::function<void(GroupWorker&)> what) {
  group_.carry(index_, index_of(to), 0, std::move(what));
}

void GroupWorker::greet() {
  if (!is_up_ || is_paused()) return;
  const bool misses_leader =
      replica_ != nullptr && !replica_->is_leader() && world_.now() - leader_heard_ >= kMissedAfter;
  for (std::size_t i = 0; i < group_.size(); ++i) {
    if (i == index_) continue;
    say(worker_id_of(i), [from = id(), misses_leader](GroupWorker& peer) { peer.on_greeting(from, misses_leader); });
  }
  if (!is_ready()) return;
  for (const ReplicaMember& member : replica_->configuration().members) {
    if (member.role != ReplicaRole::kVoter) tell_members(member.place.worker);
  }
}

void GroupWorker::on_greeting(WorkerId from, bool misses_leader) {
  turn([this, from, misses_leader] {
    heard_[from] = world_.now();
    if (misses_leader) tell_members(from);
  });
}

/// Only a leader that follows the group's own version of the map knows what the target is.
void GroupWorker::tell_members(WorkerId to) {
  if (!is_ready() || followed_ == 0) return;
  const MembersNotice notice{replica_->term(), replica_->last_index(), replica_->configuration(),
                             group_.targets().at(followed_).replicas};
  say(to, [notice](GroupWorker& peer) { peer.on_notice(notice); });
}

void GroupWorker::on_notice(const MembersNotice& notice) {
  turn([this, notice] {
    const Mutations& mutations = group_.settings().mutations;
    records::LocalReplica known = local_;
    if (mutations.has(Mutation::kReplicaIdReused)) known.deleted = {};
    if (mutations.has(Mutation::kDeletedOnNotYet)) known.term = known.index = 0;
    if (const auto made = replica_to_make(notice, id(), known)) {
      world_.note("makes replica", index_, made->held.value, made->index);
      group_.on_made(made->held);
      Replica::make(disk_.log(), kGroup, *made);
      local_ = *made;
      opening_after_ = collecting_;
      leader_heard_ = world_.now();
    } else if (const auto gone = replica_to_delete(notice, known)) {
      world_.note("deletes replica", index_, local_.held.value, notice.term.value);
      group_.on_deleted(local_.held);
      replica_.reset();
      held_.clear();
      Replica::remove(disk_.log(), kGroup, *gone);
      local_ = *gone;
      opening_after_ = 0;
    }
  });
}

}  // namespace trellis::sim
