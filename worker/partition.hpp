// Partition: one partition's copy on this worker: the replicated state, and the requests that wait for it.
//
//   write   prepared -> proposals_ -> one batch to the replica -> waiting_ -> applied -> answered
//   read    prepared -> new_reads_ -> asked in a round -> waiting_reads_ -> proven and applied -> answered
//           for whose leader the broker has others vouch: answered at once
//
// A request that cannot be decided here is answered with how it stands: not applied (kNotLeader, kBusy) or perhaps
// applied (kUnknown, when leadership is lost).  Each request is answered exactly once.
//
// Loop thread only; free of sockets, files and clocks.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/log_level.hpp"
#include "worker/confirmations.hpp"
#include "worker/lag.hpp"
#include "worker/peer_messages.hpp"
#include "worker/raft/replica.hpp"
#include "worker/snapshot/snapshot_file.hpp"
#include "worker/state/prepare.hpp"
#include "worker/state/state_machine.hpp"

namespace trellis {

/// Which of its brokers a worker speaks of, in the order in which they were given.
using BrokerIndex = std::size_t;

class Partition;

/// A request that was answered with its result, and when its parts began.
struct Answered {
  PartitionId partition;
  Command command = Command::kBatch;
  std::string_view key;  ///< For as long as it is told; empty where it has none, or several.
  bool through_log = false;
  TimePoint arrived;
  TimePoint taken_up;  ///< Proposed, or the leadership's confirmation asked for.
};

class PartitionHost : public ReplicaHost {
 public:
  virtual void reply(BrokerIndex broker, WorkerReply reply) = 0;
  virtual SnapshotStore& snapshot_store() = 0;
  /// At most one snapshot is written at a time in a worker.
  virtual bool begin_snapshot(PartitionId group, bool is_overdue) = 0;
  virtual void end_snapshot(PartitionId group) = 0;
  virtual void want_chunk(WorkerId from, const ChunkWanted& wanted) = 0;
  virtual Partition* find_partition(PartitionId group) = 0;
  /// To the peer that is furthest away; zero where that is not known.
  virtual Duration round_trip() const { return {}; }
  virtual void report(LogLevel level, std::string event, std::optional<PartitionId> partition) = 0;
  /// Leadership of the group was won, or is ready, or was lost.
  virtual void on_leadership_change() = 0;
  /// For whoever measures.
  virtual void on_snapshot_fetched(Duration) {}
  virtual void on_answered(const Answered&) {}
  /// For whoever watches: this replica applies this entry now.
  virtual void on_applied(PartitionId, LogIndex, std::string_view) {}
};

class Partition final : public ReplicaOwner {
 public:
  static constexpr std::size_t kQueuedRequestsMax = 65'536;
  static constexpr std::size_t kQueuedBytesMax = 64 << 20;
  /// One raft_apply carries at most this much.
  static constexpr std::size_t kProposalItemsMax = kCommandsPerEntryMax;
  static constexpr std::size_t kProposalBytesMax = 8 << 20;
  /// Commands share a log entry up to this size; a larger one has an entry to itself.
  static constexpr std::size_t kTogetherBytesMax = 128 << 10;
  /// A batch's reply ends here whatever its broker allows: a frame beyond 256 MiB would close the connection.
  static constexpr std::size_t kBatchReplyMax = 128 << 20;
  /// A confirmation unanswered for so long, and a round trip, is asked again.  Reads that come meanwhile wait no longer
  /// than this for the next round.
  static constexpr std::chrono::milliseconds kAskAgainAfter{60};

  /// @param sessions  of the replicated state: the same on all workers, in all their lives
  Partition(PartitionId id, ReplicaSettings settings, SessionLimits sessions, PartitionHost& host);
  ~Partition() override;

  /// Loads snapshot and log.
  Result<void> start();

  void on_request(BrokerIndex broker, WorkerRequest request);
  void on_raft_message(RaftMessage message) { replica_.receive(std::move(message)); }
  /// Whatever can go on goes on: durable batches, proposals, proven reads.
  void settle();
  void tick();

  // Confirmations.  A round's questions leave in the turn in which ask() is called.
  bool wants_confirmation() const;
  void ask(Round round);
  const LeadershipProof& proof() const { return proof_; }
  void on_confirmation(WorkerId from, Round round, Term asked, Term member_term);

  /// A snapshot that was fetched and read: restore() takes it up when the library asks for it.
  void hold_for_install(std::string descriptor, StateMachine state);
  bool holds_for_install(std::string_view descriptor) const { return held_ && held_->descriptor == descriptor; }

  Replica& replica() { return replica_; }
  const Replica& replica() const { return replica_; }
  const StateMachine& state() const { return *state_; }
  const SessionLimits& session_limits() const { return session_limits_; }
  /// How far its followers are behind; empty where it does not lead.
  const Lag& lag() const { return lag_; }
  PartitionId id() const { return id_; }
  std::size_t queued_requests() const { return queued_requests_; }
  std::size_t queued_bytes() const { return queued_bytes_; }
  /// The newest durable snapshot's descriptor; empty where there is none.
  const std::string& snapshot_descriptor() const { return snapshot_descriptor_; }
  /// The descriptor of a snapshot that was fetched and may yet be installed; empty where there is none.
  std::string held_descriptor() const { return held_ ? held_->descriptor : std::string(); }

  // ReplicaOwner
  Result<void> apply(LogIndex index, std::string_view command) override;
  std::unique_ptr<SnapshotJob> freeze(LogIndex index, Term term) override;
  Result<void> restore(std::string_view descriptor) override;
  void on_snapshot_recorded(std::string_view descriptor) override;
  void on_snapshot_failed(const Error& error) override;
  void on_leader(Term term) override;
  void on_step_down() override;

 private:
  /// A request under way.
  struct Work {
    BrokerIndex broker = 0;
    TimePoint deadline;
    TimePoint arrived;
    TimePoint taken_up;
    WorkerRequest request;  ///< Its body and session are what `prepared` points into.
    PreparedRequest prepared;
    std::size_t left = 0;   ///< Items not yet answered.
    std::size_t bytes = 0;  ///< Counted in queued_bytes_.
    bool is_queued = false;
    bool was_proposed = false;  ///< Some of its items: perhaps applied.
    bool is_answered = false;
    std::string batch_results;  ///< kBatch: packed items, as they come.
  };
  using WorkPointer = std::shared_ptr<Work>;
  struct Proposal {
    WorkPointer work;
    std::size_t item;
  };
  struct WaitingWrite {
    LogIndex index;
    Proposal proposal;
  };
  struct WaitingRead {
    WorkPointer work;
    Round round;
    LogIndex index;
  };
  struct HeldState {
    std::string descriptor;
    std::unique_ptr<StateMachine> state;
    TimePoint since;
  };

  void refuse(const Work& work, Outcome outcome);
  void enqueue(WorkPointer work);
  void propose();
  void serve_reads();
  void execute_reads(Work& work);
  void complete(Work& work, std::size_t item, const CommandResult& result);
  void complete_batch_item(Work& work, std::size_t item, const CommandResult& result);
  void finish(Work& work);
  void abandon(Work& work, Outcome outcome);
  bool is_expired(const Work& work) const;
  void release(Work& work);
  void tell_answered(const Work& work, Command command);
  void free_state(std::unique_ptr<StateMachine> old);
  WorkerReply make_reply(const Work& work, Outcome outcome) const;

  PartitionId id_;
  WorkerId self_;
  PartitionHost& host_;
  SessionLimits session_limits_;
  std::unique_ptr<StateMachine> state_;
  std::optional<HeldState> held_;
  std::string snapshot_descriptor_;
  OmittedRules omitted_;
  Replica replica_;

  std::deque<Proposal> proposals_;
  std::deque<WaitingWrite> waiting_;
  std::vector<WorkPointer> new_reads_;
  std::deque<WaitingRead> waiting_reads_;
  std::size_t queued_requests_ = 0;
  std::size_t queued_bytes_ = 0;

  LeadershipProof proof_;
  TimePoint asked_at_;
  bool was_ready_ = false;
  Lag lag_;
  TimePoint snapshot_retry_at_;
};

}  // namespace trellis
