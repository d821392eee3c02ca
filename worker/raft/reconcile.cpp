#include "worker/raft/reconcile.hpp"

#include <algorithm>
#include <tuple>

namespace trellis {
namespace {

class Reconciler {
 public:
  Reconciler(const GroupView& group, const GroupTarget& target) : group_(group), target_(target) {}

  std::optional<GroupStep> next() const {
    for (const auto step : {&Reconciler::settle_half_done, &Reconciler::replace_dead_voter, &Reconciler::promote,
                            &Reconciler::remove_leaver, &Reconciler::add}) {
      if (const auto found = (this->*step)()) return found;
    }
    return std::nullopt;
  }

  StepObstacle obstacle() const {
    if (next()) return StepObstacle::kNone;
    if (was_refused_) return StepObstacle::kMajorityBehind;
    for (const MemberView& member : group_.members) {
      if (member.role != ReplicaRole::kVoter && !member.is_up) return StepObstacle::kNewcomerSilent;
    }
    const bool leader_is_to_go = std::any_of(group_.members.begin(), group_.members.end(), [this](const auto& member) {
      return member.place.id == group_.self && !is_wanted(member);
    });
    if (leader_is_to_go && voters() > target_.replicas.size()) return StepObstacle::kNobodyTakesOver;
    return StepObstacle::kNone;
  }

 private:
  /// A newcomer that is no standby yet, and one that is not wanted any more.
  std::optional<GroupStep> settle_half_done() const {
    for (const MemberView& member : group_.members) {
      if (member.role == ReplicaRole::kVoter) continue;
      if (!is_wanted(member)) return change(MemberChange::kRemove, member.place);
      if (member.role == ReplicaRole::kSpare) return change(MemberChange::kMakeStandby, member.place);
    }
    return std::nullopt;
  }

  std::optional<GroupStep> replace_dead_voter() const {
    if (voters() < 2 * target_.k - 1 || find_level_newcomer() == nullptr) return std::nullopt;
    return remove_dead_voter();
  }

  std::optional<GroupStep> promote() const {
    const MemberView* const newcomer = find_level_newcomer();
    if (newcomer == nullptr) return std::nullopt;
    return change(MemberChange::kPromote, newcomer->place);
  }

  std::optional<GroupStep> remove_leaver() const {
    if (voters() <= target_.replicas.size()) return std::nullopt;
    if (const auto dead = remove_dead_voter()) return dead;
    // Where there are several, the one goes that helps least; the leader itself last.
    const auto order = [this](const MemberView& member) {
      return std::tuple(member.place.id == group_.self, member.is_up, member.match);
    };
    const MemberView* first = nullptr;
    for (const MemberView& member : group_.members) {
      if (member.role != ReplicaRole::kVoter || is_wanted(member)) continue;
      if (first == nullptr || order(member) < order(*first)) first = &member;
    }
    if (first == nullptr) return std::nullopt;
    return first->place.id == group_.self ? hand_over() : change(MemberChange::kRemove, first->place);
  }

  std::optional<GroupStep> add() const {
    for (const ReplicaPlace& place : target_.replicas) {
      const auto is_there = [&](const MemberView& member) { return member.place.worker == place.worker; };
      if (std::none_of(group_.members.begin(), group_.members.end(), is_there)) {
        return change(MemberChange::kAdd, place);
      }
    }
    return std::nullopt;
  }

  std::optional<GroupStep> remove_dead_voter() const {
    for (const MemberView& member : group_.members) {
      const bool may_go = member.is_down && member.role == ReplicaRole::kVoter && member.place.id != group_.self;
      if (may_go && !is_wanted(member)) return change(MemberChange::kRemove, member.place);
    }
    return std::nullopt;
  }

  /// To the voter that has the longest log of those that stay.
  std::optional<GroupStep> hand_over() const {
    const MemberView* best = nullptr;
    for (const MemberView& member : group_.members) {
      if (member.role != ReplicaRole::kVoter || !member.is_up || !is_wanted(member)) continue;
      if (best == nullptr || member.match > best->match) best = &member;
    }
    if (best == nullptr) return std::nullopt;
    return GroupStep{std::nullopt, best->place};
  }

  const MemberView* find_level_newcomer() const {
    const auto is_level = [this](const MemberView& member) {
      return member.role == ReplicaRole::kStandby && is_wanted(member) && member.is_up && holds_configuration(member) &&
             member.match.value + kLevelForVote >= group_.last.value;
    };
    const auto at = std::find_if(group_.members.begin(), group_.members.end(), is_level);
    return at == group_.members.end() ? nullptr : &*at;
  }

  /// R12.
  std::optional<GroupStep> change(MemberChange change, const ReplicaPlace& place) const {
    std::size_t voters = 0;
    std::size_t ready = 0;
    for (const MemberView& member : group_.members) {
      const bool is_meant = member.place.id == place.id;
      const bool stays = member.role == ReplicaRole::kVoter && !(is_meant && change == MemberChange::kRemove);
      if (!stays && !(is_meant && change == MemberChange::kPromote)) continue;
      ++voters;
      ready += member.place.id == group_.self || (member.is_up && holds_configuration(member));
    }
    was_refused_ = ready <= voters / 2;
    if (was_refused_) return std::nullopt;
    return GroupStep{change, place};
  }

  bool holds_configuration(const MemberView& member) const { return member.match >= group_.configuration; }

  bool is_wanted(const MemberView& member) const {
    const auto& wanted = target_.replicas;
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const auto& place) { return place.worker == member.place.worker; });
  }

  std::size_t voters() const {
    return static_cast<std::size_t>(
        std::count_if(group_.members.begin(), group_.members.end(),
                      [](const MemberView& member) { return member.role == ReplicaRole::kVoter; }));
  }

  const GroupView& group_;
  const GroupTarget& target_;
  mutable bool was_refused_ = false;  ///< The last change that was thought of, by R12.
};

}  // namespace

std::optional<GroupStep> next_step(const GroupView& group, const GroupTarget& target) {
  return Reconciler(group, target).next();
}

StepObstacle obstacle_of(const GroupView& group, const GroupTarget& target) {
  return Reconciler(group, target).obstacle();
}

}  // namespace trellis
