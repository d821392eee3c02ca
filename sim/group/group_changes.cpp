// A simulated group whose members change: the targets that come and go, workers that are lost for good, and what has to
// hold meanwhile and in the end.
#include <algorithm>

#include "sim/group/group_run.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

/// Whoever was disturbed so lately may have been taken for down.
constexpr milliseconds kDisturbedFor{4'000};
/// Whoever was silent for so long may be taken for down before the leader sees that another one is.
constexpr milliseconds kSilentLately{900};
/// Fewer workers than these are never left.
constexpr std::size_t kWorkersLeft = 4;

std::string to_text(const ReplicaPlace& place) {
  return std::to_string(place.id.value) + " on worker " + std::to_string(index_of(place.worker));
}

std::string to_text(const std::vector<ReplicaPlace>& places) {
  std::string text;
  for (const ReplicaPlace& place : places) text += (text.empty() ? "" : ", ") + to_text(place);
  return text;
}

}  // namespace

void Group::schedule_member_changes() {
  Random& random = world_.random();
  const Duration change_max = random.between(milliseconds(300), milliseconds(5'000));
  schedule(milliseconds(100), change_max, [this] {
    // Whoever lowers k while a lost worker is a member yet would ask for what the group cannot give.
    targets_->change(world_.random(), available(), lost_members() == 0);
  });
  const Duration lost_max = random.between(milliseconds(3'000), milliseconds(15'000));
  schedule(milliseconds(1'000), lost_max, [this] { lose_one(); });
  // These go on to the end: the group comes to its target once nothing hinders it.
  for (const auto& worker : workers_) {
    world_.after(random.between(Duration(0), milliseconds(150)), [this, &worker] { greet_later(*worker); });
  }
  spread_map();
  reconcile_later();
}

void Group::greet_later(GroupWorker& worker) {
  worker.greet();
  world_.after(milliseconds(150), [this, &worker] { greet_later(worker); });
}

void Group::reconcile_later() {
  for (const auto& worker : workers_) {
    if (worker->is_ready()) worker->reconcile();
  }
  world_.after(world_.random().between(milliseconds(5), milliseconds(60)), [this] { reconcile_later(); });
}

/// Copies of the map come late, and older ones after newer ones.
void Group::spread_map() {
  Random& random = world_.random();
  const std::uint64_t newest = targets_->newest();
  const bool is_old = !has_ended_ && random.chance(0.3);
  some_worker().learn_map(is_old ? random.below(newest) + 1 : newest);
  world_.after(random.between(milliseconds(5), milliseconds(100)), [this] { spread_map(); });
}

std::vector<WorkerId> Group::available() const {
  std::vector<WorkerId> available;
  for (const auto& worker : workers_) {
    if (!worker->is_lost()) available.push_back(worker->id());
  }
  return available;
}

void Group::disturb(std::size_t worker, Duration time) {
  disturbed_until_[worker] = std::max(disturbed_until_[worker], world_.now() + time);
}

/// A worker is lost for good, and after a while the map says who takes its place.
void Group::lose_one() {
  GroupWorker& worker = some_worker();
  if (worker.is_lost() || available().size() <= kWorkersLeft || !may_lose(worker)) return;
  ++outcome_.counters.crashes;
  worker.lose();
  world_.after(world_.random().between(milliseconds(200), milliseconds(3'000)),
               [this] { targets_->repair(world_.random(), available()); });
}

std::size_t Group::lost_members() const {
  const GroupWorker* const leader = newest_leader();
  if (leader == nullptr) return workers_.size();
  const auto members = leader->replica()->configuration().members;
  return static_cast<std::size_t>(std::count_if(members.begin(), members.end(), [this](const ReplicaMember& member) {
    return workers_[index_of(member.place.worker)]->is_lost();
  }));
}

/// No replica id is used twice.
void Group::on_made(ReplicaId replica) {
  if (deleted_.contains(replica)) world_.violate("replica " + std::to_string(replica.value) + " is made a second time");
}

/// Whether the group has to bear it: fewer than k are lost at a time, and others that are down come back.
bool Group::may_lose(const GroupWorker& worker) const {
  const GroupWorker* const leader = newest_leader();
  if (leader == nullptr || leader->replica()->is_changing()) return false;
  // One that is silent may be taken for down and be removed first: the next one is then one too many.
  const auto is_lost = [&](const GroupWorker& each) {
    return each.is_lost() || &each == &worker || !each.is_up() || leader->silence_of(each.id()) > kSilentLately;
  };
  std::size_t voters = 0;
  std::size_t lost = 0;
  for (const ReplicaMember& member : leader->replica()->configuration().members) {
    const GroupWorker& each = *workers_[index_of(member.place.worker)];
    // A newcomer gets its vote all the same where it is lost so lately that the leader has not missed it.
    const bool gets_vote_lost = (each.is_lost() || &each == &worker) && leader->silence_of(each.id()) <= kSilentLately;
    if (member.role != ReplicaRole::kVoter && !gets_vote_lost) continue;
    ++voters;
    lost += is_lost(each) ? 1 : 0;
  }
  if (lost > (voters - 1) / 2) return false;
  // Where k goes down, the group may go on with fewer from now on.
  const std::uint64_t followed = std::max<std::uint64_t>(leader->followed(), 1);
  for (std::uint64_t version = followed; version <= targets_->newest(); ++version) {
    if (lost >= targets_->at(version).k) return false;
  }
  return true;
}

void Group::on_change(std::size_t leader, const GroupStep& step, const ReplicaConfiguration& before) {
  world_.note("members change", leader, static_cast<std::uint64_t>(*step.change), step.replica.id.value);
  ++outcome_.counters.members_changed;
  if (step.change != MemberChange::kRemove) return;
  std::size_t voters = 0;
  bool had_vote = false;
  for (const ReplicaMember& member : before.members) {
    if (member.role != ReplicaRole::kVoter) continue;
    ++voters;
    had_vote = had_vote || member.place == step.replica;
  }
  if (!had_vote) return;
  const GroupTarget& target = targets_->at(workers_[leader]->followed());
  const std::size_t removed = index_of(step.replica.worker);
  const bool may_seem_down = workers_[removed]->is_lost() || disturbed_until_[removed] + kDisturbedFor > world_.now() ||
                             disturbed_until_[leader] + kDisturbedFor > world_.now();
  if (voters <= target.replicas.size() && !may_seem_down) {
    world_.violate("replica " + to_text(step.replica) + " is removed, which is up, before who comes for it has a vote");
  }
}

bool Group::is_settled(std::string& why_not) const {
  if (!settings_.changes_members) return true;
  const GroupWorker* const leader = newest_leader();
  if (leader == nullptr) return why_not = "nobody leads", false;
  const ReplicaConfiguration configuration = leader->replica()->configuration();
  const std::vector<ReplicaPlace> there = leader->replica()->voters();
  const std::vector<ReplicaPlace>& wanted = targets_->at(targets_->newest()).replicas;
  const auto has_one = [&](const ReplicaPlace& place) {
    return leader->replica()->member_on(place.worker).has_value();
  };
  if (there.size() != wanted.size() || !std::all_of(wanted.begin(), wanted.end(), has_one) ||
      configuration.members.size() != there.size() || !configuration.is_committed) {
    return why_not = "the voters are " + to_text(there) + " of " + std::to_string(configuration.members.size()) +
                     " members, and should be " + to_text(wanted),
           false;
  }
  for (const auto& worker : workers_) {
    const bool is_wanted = targets_->names(worker->id());
    if (worker->is_lost() || is_wanted == (worker->replica() != nullptr)) continue;
    return why_not = "worker " + std::to_string(worker->index()) +
                     (is_wanted ? " has no replica" : " still has the replica that it had"),
           false;
  }
  return true;
}

}  // namespace trellis::sim
