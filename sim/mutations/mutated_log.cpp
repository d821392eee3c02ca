#include "sim/mutations/mutated_log.hpp"

#include <string>

namespace trellis::sim {

void MutatedLog::put(std::string_view name, std::string_view value) {
  std::string changed(value);
  // Both kinds of records begin with an index.
  if (name.front() == 'S' && mutations_.has(Mutation::kSnapshotWrongIndex)) --changed[0];
  if (name.front() == 'C' && mutations_.has(Mutation::kCommitHintAhead)) changed[0] += 3;
  log_->put(name, changed);
}

Result<bool> MutatedLog::finish_write() {
  auto finished = log_->finish_write();
  if (finished && *finished) on_durable_();
  return finished;
}

Result<void> MutatedLog::entries(PartitionId group, const EntryVisitor& visit) {
  if (!mutations_.has(Mutation::kSyncedTailLost)) return log_->entries(group, visit);
  LogIndex last;
  const auto find_last = [&last](LogIndex index, const EntryHead&, std::string_view) -> Result<void> {
    last = index;
    return {};
  };
  if (auto found = log_->entries(group, find_last); !found) return found;
  return log_->entries(group, [&](LogIndex index, const EntryHead& head, std::string_view payload) -> Result<void> {
    return index == last && index.value > 1 ? Result<void>{} : visit(index, head, payload);
  });
}

}  // namespace trellis::sim
