#include "sim/checker/version_check.hpp"

#include <algorithm>
#include <unordered_map>

#include "protocol/cluster/cluster_map.hpp"
#include "sim/checker/steps.hpp"

namespace trellis::sim {
namespace {

/// A version as one answer showed it.
struct Sight {
  std::uint64_t version = 0;
  TimePoint call;
  TimePoint deadline;
  bool is_written = false;  ///< By this operation; else it was found.
  std::size_t operation = 0;
};

class PartitionChecker {
 public:
  explicit PartitionChecker(const History& history) : history_(history) {}

  void add(const KeySteps& key) {
    for (const Step& step : key.steps) {
      if (step.is_optional) continue;
      if (step.need.version) sights_.push_back({*step.need.version, step.call, step.deadline, false, step.answered});
      if (step.version) sights_.push_back({*step.version, step.call, step.deadline, true, step.answered});
    }
  }

  void check(std::vector<Violation>& out) {
    check_owners(out);
    check_order(out);
  }

 private:
  const std::string& key_of(const Sight& sight) const { return history_.operations[sight.operation].key; }

  void check_owners(std::vector<Violation>& out) const {
    std::unordered_map<std::uint64_t, const Sight*> owners;  // The write, where there is one, else a sight of it.
    for (const Sight& sight : sights_) {
      const Sight*& owner = owners.try_emplace(sight.version, &sight).first->second;
      if (key_of(*owner) != key_of(sight)) {
        out.push_back(
            {key_of(sight), "one version belongs to two keys of a partition", {owner->operation, sight.operation}});
      } else if (owner != &sight && owner->is_written && sight.is_written) {
        out.push_back({key_of(sight), "two writes got the same version", {owner->operation, sight.operation}});
      }
      if (sight.is_written) owner = &sight;
    }
  }

  /// Sweeps over time: the largest version answered so far is below that of every write called later.
  void check_order(std::vector<Violation>& out) {
    std::vector<const Sight*> writes;
    std::vector<const Sight*> by_end;
    for (const Sight& sight : sights_) {
      if (sight.is_written) writes.push_back(&sight);
      by_end.push_back(&sight);
    }
    std::sort(writes.begin(), writes.end(), [](const Sight* a, const Sight* b) { return a->call < b->call; });
    std::sort(by_end.begin(), by_end.end(), [](const Sight* a, const Sight* b) { return a->deadline < b->deadline; });
    const Sight* largest = nullptr;
    auto next = by_end.begin();
    for (const Sight* write : writes) {
      for (; next != by_end.end() && (*next)->deadline < write->call; ++next) {
        if (!largest || (*next)->version > largest->version) largest = *next;
      }
      if (!largest || largest->version < write->version) continue;
      out.push_back({key_of(*write),
                     "a write got a version that is not larger than one answered before its call",
                     {largest->operation, write->operation}});
    }
  }

  const History& history_;
  std::vector<Sight> sights_;
};

}  // namespace

std::vector<Violation> check_versions(const History& history) {
  std::map<std::uint64_t, PartitionChecker> partitions;  // Without a number of partitions each key is one.
  for (const auto& [key, operations] : operations_by_key(history)) {
    const std::uint64_t partition =
        history.partitions ? partition_of(key, history.partitions).value : partitions.size();
    partitions.try_emplace(partition, history).first->second.add(make_steps(history, key, operations, {}));
  }
  std::vector<Violation> out;
  for (auto& [number, partition] : partitions) partition.check(out);
  return out;
}

std::vector<Violation> check_weak_reads(const History& history) {
  std::vector<Violation> out;
  for (const auto& [key, operations] : operations_by_key(history)) {
    std::unordered_map<std::string_view, std::vector<const Operation*>> writes;
    for (const std::size_t at : operations) {
      const Operation& op = history.operations[at];
      const bool is_put = op.command == Command::kPut || op.command == Command::kSet;
      if (is_put && op.outcome() != Outcome::kNothingDone) writes[op.document].push_back(&op);
    }
    for (const std::size_t at : operations) {
      const Operation& op = history.operations[at];
      if (op.command != Command::kGet || !op.ok() || op.linearizable()) continue;
      const auto found = writes.find(*op.found);
      const bool is_explained =
          found != writes.end() &&
          std::any_of(found->second.begin(), found->second.end(), [&op](const Operation* write) {
            return write->call <= *op.returned && (!op.version || !write->version || op.version == write->version);
          });
      if (!is_explained) out.push_back({key, "a read shows a document that nobody had written, at that version", {at}});
    }
  }
  return out;
}

}  // namespace trellis::sim
