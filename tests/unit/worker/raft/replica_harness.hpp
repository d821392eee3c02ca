// One replica, with the test in the place of its peers and of its partition: what it is told, and what it applies.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/worker/raft/replica_surroundings.hpp"

namespace trellis {

constexpr std::uint8_t kCommand = 1;

class ReplicaHarness : public ReplicaSurroundings<ReplicaHost>, public ReplicaOwner {
 public:
  explicit ReplicaHarness(const std::vector<ReplicaPlace>& voters = {kSelf, kPeer, kOther})
      : ReplicaSurroundings(voters) {}

  Result<void> start() {
    replica = std::make_unique<Replica>(kGroup, settings, *this, *this);
    return replica->start();
  }
  Result<void> restart() {
    replica.reset();
    lose_memory();
    applied.clear();
    return start();
  }
  Replica* find_replica() override { return replica.get(); }
  void settle() override { replica->settle(); }
  void tick_replica() override { replica->tick(); }

  // ReplicaOwner
  Result<void> apply(LogIndex index, std::string_view command) override {
    if (command == "poison") return invalid_argument("it cannot be applied");
    applied.push_back(std::to_string(index.value) + ":" + std::string(command));
    return {};
  }
  std::unique_ptr<SnapshotJob> freeze(LogIndex index, Term) override {
    struct Job final : SnapshotJob {
      explicit Job(std::string made) : descriptor(std::move(made)) {}
      Result<std::string> write() override { return descriptor; }
      std::string descriptor;
    };
    return std::make_unique<Job>("state at " + std::to_string(index.value));
  }
  Result<void> restore(std::string_view descriptor) override {
    restored = descriptor;
    return {};
  }
  void on_snapshot_recorded(std::string_view descriptor) override { recorded = descriptor; }
  void on_snapshot_failed(const Error&) override {}
  void on_leader(Term) override {}
  void on_step_down() override { ++step_downs; }

  std::vector<std::string> applied;
  std::string restored;
  std::string recorded;
  int step_downs = 0;
  std::unique_ptr<Replica> replica;
};

inline std::vector<CommandBuffer> commands(std::initializer_list<std::string> texts) {
  std::vector<CommandBuffer> buffers;
  for (const std::string& text : texts) {
    CommandBuffer buffer(text.size());
    std::copy(text.begin(), text.end(), buffer.data());
    buffers.push_back(std::move(buffer));
  }
  return buffers;
}

struct Entries {
  std::uint64_t previous;
  std::uint64_t previous_term;
  std::vector<std::uint64_t> terms;
  std::uint64_t commit = 0;
};

inline RaftMessage append_of(std::uint64_t term, const Entries& entries, const ReplicaPlace& from = kPeer) {
  RaftMessage message;
  message.kind = RaftMessageKind::kAppendEntries;
  message.from = from;
  message.term = term;
  message.index = entries.previous;
  message.log_term = entries.previous_term;
  message.other = entries.commit;
  std::string body;
  for (const std::uint64_t entry_term : entries.terms) {
    pack_entry(body, entry_term, kCommand, "t" + std::to_string(entry_term));
    ++message.entries;
  }
  message.body = Frame(std::move(body));
  return message;
}

inline RaftMessage vote_request(std::uint64_t term, std::uint64_t last, std::uint64_t last_term,
                                const ReplicaPlace& from = kOther) {
  RaftMessage message;
  message.kind = RaftMessageKind::kRequestVote;
  message.from = from;
  message.term = term;
  message.index = last;
  message.log_term = last_term;
  message.other = from.id.value;
  message.disrupt_leader = true;
  return message;
}

}  // namespace trellis
