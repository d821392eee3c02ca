#include "broker/leadership_checks.hpp"

#include <algorithm>
#include <tuple>

namespace trellis {

ReadContext LeadershipChecks::ask(PartitionId id, WorkerId leader, TimePoint now) {
  if (id.value >= partitions_.size()) partitions_.resize(router_.partition_count());
  Partition& partition = partitions_[id.value];
  if (partition.asked_under != read_context_ || partition.leader != leader) {
    partition.asked_under = read_context_;
    partition.leader = leader;
    choose(id, partition, now);
  }
  return partition.asked.empty() ? 0 : read_context_;
}

const std::vector<ReplicaPlace>& LeadershipChecks::who_counts(PartitionId id) {
  const std::vector<ReplicaPlace>& voters = router_.voters(id);
  if (omitted_.targets) return router_.map()->placement(id).replicas;
  if (!omitted_.formers) return voters;
  counted_ = voters;
  for (const Answered& each : partitions_[id.value].confirmed) counted_.push_back(each.from);
  return counted_;
}

void LeadershipChecks::choose(PartitionId id, Partition& partition, TimePoint now) {
  const WorkerId leader = partition.leader;
  others_.clear();
  for (const ReplicaPlace& replica : who_counts(id)) {
    if (replica.worker != leader && can_answer(replica.worker, now)) others_.push_back(replica.worker);
  }
  const std::size_t needed = router_.majority(id) - 1;
  if (!router_.configuration_of(id, leader) || others_.size() < needed) others_.clear();
  // The next in a circle of ids: the same ones for all partitions of a leader, and not the same for all leaders.
  std::sort(others_.begin(), others_.end(),
            [leader](WorkerId a, WorkerId b) { return std::tuple(a < leader, a) < std::tuple(b < leader, b); });
  others_.resize(std::min(others_.size(), needed));
  std::erase_if(partition.asked, [this](const Asked& each) {
    return std::find(others_.begin(), others_.end(), each.worker) == others_.end();
  });
  for (const WorkerId other : others_) {
    const bool is_new = std::none_of(partition.asked.begin(), partition.asked.end(),
                                     [other](const Asked& each) { return each.worker == other; });
    if (is_new) partition.asked.push_back({other, read_context_});
    wanted_from(other).partitions.push_back(id);
  }
}

bool LeadershipChecks::can_answer(WorkerId id, TimePoint now) const {
  const WorkerRecord* const worker = registry_.find(id);
  if (worker == nullptr || worker->slot == nullptr || worker->state != WorkerState::kUp || worker->hello.leaving) {
    return false;
  }
  const auto passed_over = passed_over_.find(id);
  return passed_over == passed_over_.end() || now >= passed_over->second.until;
}

LeadershipQuestion& LeadershipChecks::wanted_from(WorkerId worker) {
  for (Wanted& each : wanted_) {
    if (each.from == worker) return each.message;
  }
  return wanted_.emplace_back(Wanted{worker, {self_, read_context_, {}}}).message;
}

void LeadershipChecks::send() {
  for (const Wanted& each : wanted_) {
    const WorkerRecord* const worker = registry_.find(each.from);
    if (worker != nullptr && worker->slot != nullptr) add(outbox_.to(*worker->slot), each.message);
  }
  wanted_.clear();
  ++read_context_;
}

void LeadershipChecks::on_answer(WorkerId from, const LeadershipAnswer& answer) {
  if (answer.broker != self_ || answer.read_context >= read_context_)
    return;  // Asked for by an earlier incarnation, or by nobody.
  for (const auto& [id, replica, term] : answer.terms) {
    if (id.value >= partitions_.size()) continue;
    const ReplicaPlace place{replica, from};
    const auto& voters = who_counts(id);
    if (std::find(voters.begin(), voters.end(), place) == voters.end()) continue;
    auto& confirmed = partitions_[id.value].confirmed;
    // Whoever votes no more is forgotten.
    std::erase_if(confirmed, [&voters](const Answered& each) {
      return std::find(voters.begin(), voters.end(), each.from) == voters.end();
    });
    auto last =
        std::find_if(confirmed.begin(), confirmed.end(), [&place](const Answered& each) { return each.from == place; });
    if (last == confirmed.end()) last = confirmed.insert(confirmed.end(), {place, 0, {}});
    if (answer.read_context > last->read_context) *last = {place, answer.read_context, term};
  }
}

LeadershipChecks::Verdict LeadershipChecks::check(PartitionId partition, WorkerId leader, Term term,
                                                  LogIndex configuration, ReadContext read_context) {
  Proof& proof = partitions_[partition.value].proof;
  if (proof.read_context >= read_context && proof.leader == leader && proof.term == term &&
      proof.configuration == configuration) {
    return Verdict::kProven;
  }
  if (router_.configuration_of(partition, leader, term) != configuration) return Verdict::kRefuted;
  const auto& voters = who_counts(partition);
  std::size_t missing = router_.majority(partition) - 1;
  if (omitted_.leadership_checks) missing = std::min<std::size_t>(missing, 1);
  for (const Answered& each : partitions_[partition.value].confirmed) {
    if (each.from.worker == leader || each.read_context < read_context) continue;
    if (std::find(voters.begin(), voters.end(), each.from) == voters.end()) continue;
    if (each.term > term) return Verdict::kRefuted;
    if (missing > 0) --missing;
  }
  if (missing > 0) return Verdict::kOpen;
  proof = {leader, term, configuration, read_context};
  return Verdict::kProven;
}

Duration LeadershipChecks::round_trip(PartitionId partition) const {
  Duration most{};
  for (const Asked& asked : partitions_[partition.value].asked) {
    if (const WorkerRecord* const worker = registry_.find(asked.worker)) {
      most = std::max(most, worker->round_trip.value());
    }
  }
  return most;
}

void LeadershipChecks::on_late(PartitionId id, ReadContext read_context, TimePoint now) {
  const Partition& partition = partitions_[id.value];
  for (const Asked& asked : partition.asked) {
    const bool was_asked = asked.since <= read_context;
    const bool has_answered = std::any_of(
        partition.confirmed.begin(), partition.confirmed.end(),
        [&](const Answered& each) { return each.from.worker == asked.worker && each.read_context >= read_context; });
    if (was_asked && !has_answered) pass_over(asked.worker, now);
  }
}

void LeadershipChecks::pass_over(WorkerId worker, TimePoint now) {
  auto [at, is_first] = passed_over_.try_emplace(worker, PassedOver{now, kPassedOverMin / 2});
  PassedOver& passed_over = at->second;
  if (now < passed_over.until) return;  // Another read has waited for it, too, and has counted that.
  const bool is_soon = is_first || now - passed_over.until <= passed_over.pause;
  passed_over.pause = is_soon ? std::min<Duration>(2 * passed_over.pause, kPassedOverMax) : kPassedOverMin;
  passed_over.until = now + passed_over.pause;
}

}  // namespace trellis
