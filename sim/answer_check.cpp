#include "sim/answer_check.hpp"

#include <algorithm>

#include "protocol/cluster/bulk.hpp"
#include "sim/cluster.hpp"

namespace trellis::sim {

using std::chrono::milliseconds;

namespace {

/// From its start until a cluster is made and its leaders are elected.
constexpr Duration kStandsWithin = milliseconds(6'000);
/// See answer_check.hpp.
constexpr Duration kAWhile = milliseconds(3'500);
/// A shorter timeout may pass while a leader hands over.
constexpr Duration kLongTimeout = milliseconds(2'000);

bool since(const std::optional<TimePoint>& time, TimePoint least) { return time && *time <= least; }

bool is_refusal(std::optional<Code> status) {
  return status == Code::kUnavailable || status == Code::kDeadlineExceeded;
}

}  // namespace

AnswerCheck::AnswerCheck(Cluster& cluster)
    : cluster_(cluster),
      world_(cluster.world()),
      start_(cluster.world().now()),
      replicas_(std::min<std::size_t>(cluster.shape().workers, 2 * cluster.shape().k - 1)),
      hosts_(cluster.shape().partitions) {
  for (std::size_t i = 0; i < cluster.shape().workers; ++i) workers_.insert(i);
}

AnswerCheck::Span AnswerCheck::span_since(TimePoint call) const {
  return {call - kAWhile, call - kAWhile - cluster_.network().worst_delay()};
}

AnswerCheck::Standing AnswerCheck::standing_of(const std::set<std::size_t>& workers, const Span& span) const {
  Standing standing;
  standing.all = workers.size();
  for (const std::size_t worker : workers) {
    standing.up += since(cluster_.worker(worker).well_since(), span.settled) ? 1 : 0;
    standing.down += since(cluster_.worker(worker).down_since(), span.forgotten) ? 1 : 0;
  }
  return standing;
}

std::size_t AnswerCheck::failed_of(const Span& span) const {
  const std::size_t zones = cluster_.shape().zones;
  std::set<std::size_t> failed;
  for (const std::size_t worker : workers_) {
    if (since(cluster_.worker(worker).down_since(), span.forgotten))
      failed.insert(zones == 0 ? worker : worker % zones);
  }
  return failed.size();
}

/// The standing of each partition that the operation asks; one that is not known whole counts as empty.
std::vector<AnswerCheck::Standing> AnswerCheck::standings_of(const Operation& operation, const Span& span) const {
  const auto count = static_cast<std::uint32_t>(hosts_.size());
  std::vector<Standing> standings;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!operation.is_listing() && partition_of(operation.key, count) != PartitionId{i}) continue;
    standings.push_back(hosts_[i].size() == replicas_ ? standing_of(hosts_[i], span) : Standing());
  }
  return standings;
}

bool AnswerCheck::brokers_are_well(const Span& span) const {
  for (std::size_t i = 0; i < cluster_.brokers(); ++i) {
    if (!since(cluster_.broker(i).well_since(), span.settled)) return false;
  }
  return true;
}

bool AnswerCheck::is_calm(const Span& span) const {
  return since(cluster_.network().calm_since(), span.forgotten) && cluster_.network().conditions.loss < 0.02;
}

/// A slice that was overtaken, or refused by its link, is as good as lost, and what it was a part of is sent again a
/// second or more later: an answer may take longer than some clients wait.
bool AnswerCheck::loses_slices() const {
  const ClusterShape& shape = cluster_.shape();
  const bool has_slices = shape.workload.padding_max > bulk::kWholeMax;
  return has_slices && (cluster_.network().conditions.overtaking > 0 || shape.refused_sends > 0);
}

bool AnswerCheck::is_quick() const {
  const NetworkConditions& network = cluster_.network().conditions;
  const bool overtakes = network.overtaking > 0 && network.overtaken_by > milliseconds(200);
  const bool is_far = network.delay_max > milliseconds(100);
  if (network.loss > 0 || network.rate > 0 || overtakes || is_far || loses_slices()) return false;
  return std::all_of(workers_.begin(), workers_.end(), [this](std::size_t worker) {
    const DiskConditions& disk = cluster_.worker(worker).disk().conditions;
    return disk.stall == 0 || disk.stall_max <= milliseconds(200);
  });
}

bool AnswerCheck::is_all_well_since(TimePoint then) const {
  const Span span = span_since(then);
  return brokers_are_well(span) && is_calm(span) && is_quick() && standing_of(workers_, span).up == workers_.size();
}

void AnswerCheck::check(const Operation& operation, const ReplyInfo& info, Duration timeout,
                        const std::optional<HeldDocument>& held) const {
  if (operation.status == Code::kInternal) world_.violate("an answer is INTERNAL: " + to_text(operation));
  if (cluster_.shape().changes_members) return;  // Who holds what changes as it goes.
  check_service(operation, info, timeout);
  check_without_majority(operation, info);
  if (held && !operation.guaranteed) check_freshness(operation, *held);
}

void AnswerCheck::check_service(const Operation& operation, const ReplyInfo& info, Duration timeout) const {
  if (cluster_.shape().is_always_served && operation.call >= start_ + kStandsWithin && is_refusal(operation.status)) {
    world_.violate("a short cut is no reason to refuse a request: " + to_text(operation));
  }
  const Span span = span_since(operation.call);
  if (!brokers_are_well(span) || !is_calm(span)) return;
  const Standing all = standing_of(workers_, span);
  if (all.up + all.down == all.all && failed_of(span) <= (replicas_ - 1) / 2 && !info.warnings.empty()) {
    world_.violate("no more workers are down than are tolerated, and an answer warns: " + to_text(operation));
  }
  const auto standings = standings_of(operation, span);
  if (!std::all_of(standings.begin(), standings.end(), [](const Standing& each) { return each.has_majority(); }))
    return;
  if (!info.guaranteed) world_.violate("a majority is well, and an answer is marked: " + to_text(operation));
  if (!is_refusal(operation.status) || timeout < kLongTimeout || !is_quick()) return;
  world_.violate("a majority is well, and a request is not served: " + to_text(operation));
}

void AnswerCheck::check_without_majority(const Operation& operation, const ReplyInfo& info) const {
  const Span span = span_since(operation.call);
  if (!brokers_are_well(span)) return;
  if (operation.status != Code::kOk && operation.status != Code::kNotFound) return;
  const std::size_t down = failed_of(span);
  if (down > (replicas_ - 1) / 2 && info.warnings.empty()) {
    world_.violate(std::to_string(down) + " workers are down, and an answer warns of nothing: " + to_text(operation));
  }
  const auto standings = standings_of(operation, span);
  if (std::none_of(standings.begin(), standings.end(), [](const Standing& each) { return each.lacks_majority(); })) {
    return;
  }
  if (is_write(operation.command)) {
    world_.violate("a write was made without a majority: " + to_text(operation));
  } else if (!operation.stale && info.guaranteed) {
    world_.violate("there is no majority, and an answer is not marked: " + to_text(operation));
  }
}

std::optional<HeldDocument> AnswerCheck::freshest_left(const Operation& read) const {
  if (is_write(read.command) || read.is_listing() || read.stale || cluster_.shape().changes_members) {
    return std::nullopt;
  }
  const Span span = span_since(world_.now());
  if (!brokers_are_well(span) || !is_calm(span) || !is_quick() || cluster_.shape().refused_sends > 0) {
    return std::nullopt;  // One replica left may not have been asked.
  }
  const Standing standing = standings_of(read, span).front();
  if (!standing.lacks_majority() || standing.up + standing.down != standing.all) return std::nullopt;
  return freshest(partition_of(read.key, static_cast<std::uint32_t>(hosts_.size())), read.key, span);
}

std::optional<HeldDocument> AnswerCheck::freshest(PartitionId partition, const std::string& key,
                                                  const Span& span) const {
  std::optional<HeldDocument> freshest;
  for (const std::size_t index : hosts_[partition.value]) {
    WorkerProcess& worker = cluster_.worker(index);
    if (!since(worker.well_since(), span.settled)) continue;
    const StateMachine& state = worker.shard()->partitions().at(partition)->state();
    if (freshest && state.applied().value <= freshest->applied) continue;
    freshest = HeldDocument{index, state.applied().value, {}};
    if (const auto document = state.documents().find(key)) freshest->version = document->version;
  }
  return freshest;
}

/// Without a majority nothing is applied: where the freshest replica is still the same, it has not changed meanwhile.
void AnswerCheck::check_freshness(const Operation& operation, const HeldDocument& held) const {
  const Span span = span_since(operation.call);
  const Standing standing = standings_of(operation, span).front();
  if (!brokers_are_well(span) || !is_calm(span) || !standing.lacks_majority()) return;
  if (standing.up + standing.down != standing.all) return;
  const auto now =
      freshest(partition_of(operation.key, static_cast<std::uint32_t>(hosts_.size())), operation.key, span);
  if (!now || now->worker != held.worker || now->applied != held.applied) return;
  const bool has_answer = operation.status == Code::kOk || operation.status == Code::kNotFound;
  const bool found = operation.ok() && operation.flag.value_or(true);
  // A path that leads nowhere is not found in a document that is there.
  const bool may_be_any = operation.command == Command::kQuery && !found;
  if (!has_answer || may_be_any) return;
  if (found == held.version.has_value() && (!found || operation.version.value_or(*held.version) == *held.version))
    return;
  world_.violate("worker " + std::to_string(held.worker) + " is the freshest replica left and holds " +
                 (held.version ? "version " + std::to_string(*held.version) : "nothing") + ": " + to_text(operation));
}

}  // namespace trellis::sim
