// The surroundings of one replica, with the test in the place of its peers: a disk, a clock, and what it says.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "tests/support/memory_log_store.hpp"
#include "worker/raft/host.hpp"
#include "worker/raft/replica.hpp"

namespace trellis {

constexpr PartitionId kGroup{0};
constexpr ReplicaPlace kSelf{{1}, {101}};
constexpr ReplicaPlace kPeer{{2}, {102}};
constexpr ReplicaPlace kOther{{3}, {103}};

/// `Interface` is ReplicaHost, or what a partition wants beyond it.
template <typename Interface>
class ReplicaSurroundings : public Interface {
 public:
  explicit ReplicaSurroundings(const std::vector<ReplicaPlace>& voters) {
    settings.self = kSelf;
    Replica::bootstrap(store, kGroup, voters);
    store.start_write();
    EXPECT_TRUE(*store.finish_write());
    durable = collecting++;
  }

  /// The replica, if it was started; and a turn of it.
  virtual Replica* find_replica() = 0;
  virtual void settle() = 0;
  virtual void tick_replica() = 0;

  /// What is collected becomes durable, and the replica takes it up.
  void sync() {
    if (store.has_collected()) {
      if (find_replica() != nullptr) find_replica()->collect_commit_hint();
      store.start_write();
      EXPECT_TRUE(*store.finish_write());
      durable = collecting++;
    }
    for (auto at = held.begin(); at != held.end() && at->first <= durable; at = held.erase(at)) {
      sent.push_back(std::move(at->second));
    }
    if (find_replica() != nullptr) settle();
  }
  void receive(RaftMessage message) {
    message.group = kGroup;
    if (message.to.value == 0) message.to = settings.self.id;
    auto read = read_raft_message(message.from.worker, pack_head(message), message.body);
    ASSERT_TRUE(read) << read.error().message;
    find_replica()->receive(std::move(*read));
    settle();
  }
  void tick() {
    time += std::chrono::milliseconds(15);
    tick_replica();
    settle();
  }
  /// Runs what was put into the background.
  void run_background() {
    std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs;
    jobs.swap(background);
    for (auto& [work, done] : jobs) {
      work();
      done();
    }
  }
  /// Loses all that is not durable.
  void lose_memory() {
    background.clear();
    store.crash();
    durable = collecting - 1;
    held.clear();
    sent.clear();
  }

  /// Becomes leader, by the votes of kPeer, and has its barrier committed.
  void lead() {
    win();
    sync();
    acknowledge(kPeer);
    ASSERT_TRUE(find_replica()->is_ready());
  }
  void win() {
    for (int i = 0; i < 200 && !find_replica()->is_leader(); ++i) {
      tick();
      sync();
      for (const RaftMessage& asked : take(RaftMessageKind::kRequestVote, kPeer)) {
        RaftMessage vote;
        vote.kind = RaftMessageKind::kRequestVoteResult;
        vote.from = kPeer;
        vote.term = asked.term;
        vote.granted = true;
        vote.pre_vote = asked.pre_vote != 0 ? 1 : 2;
        receive(vote);
      }
    }
    ASSERT_TRUE(find_replica()->is_leader());
  }
  /// `peer` says that it holds the whole log.
  void acknowledge(const ReplicaPlace& peer, std::optional<std::uint64_t> last = std::nullopt) {
    RaftMessage result;
    result.kind = RaftMessageKind::kAppendEntriesResult;
    result.from = peer;
    result.term = find_replica()->term().value;
    result.index = last.value_or(find_replica()->last_index().value);
    receive(result);
  }
  /// What was said of that kind since the last call, to `to` or to whomever.
  std::vector<RaftMessage> take(RaftMessageKind kind, std::optional<ReplicaPlace> to = std::nullopt) {
    std::vector<RaftMessage> taken;
    std::vector<Sent> rest;
    for (Sent& each : sent) {
      if (each.message.kind == kind && (!to || each.to == *to)) {
        taken.push_back(std::move(each.message));
      } else {
        rest.push_back(std::move(each));
      }
    }
    sent.swap(rest);
    return taken;
  }

  // ReplicaHost
  LogStore& log_store() override { return store; }
  BatchNumber collecting_batch() const override { return collecting; }
  BatchNumber durable_batch() const override { return durable; }
  TimePoint now() const override { return time; }
  std::uint64_t random() override { return ++random_; }
  void send(const ReplicaPlace& to, RaftMessage message, BatchNumber after) override {
    if (after > durable) {
      held.emplace(after, Sent{to, std::move(message)});
    } else {
      sent.push_back({to, std::move(message)});
    }
  }
  void run_in_background(std::function<void()> work, std::function<void()> done) override {
    background.push_back({std::move(work), std::move(done)});
  }
  void wake(PartitionId) override {}

  ReplicaSettings settings;
  MemoryLogStore store;
  BatchNumber collecting = 1;
  BatchNumber durable = 0;
  TimePoint time{std::chrono::seconds(100)};
  struct Sent {
    ReplicaPlace to;
    RaftMessage message;
  };
  std::multimap<BatchNumber, Sent> held;
  std::vector<Sent> sent;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> background;

 private:
  std::uint64_t random_ = 0;
};

}  // namespace trellis
