// Partition: one partition's copy on this worker: the replicated state, and the requests that wait for it.
//
//   write   prepared -> proposals_ -> one batch to the replica -> waiting_ -> applied -> answered
//   read    prepared -> new_reads_ -> asked in a round -> waiting_reads_ -> proven and applied -> read -> answered
//           for whose leader the broker has others confirm: read at once
//
// Preparing and reading may take longer than a turn of the loop should.  Both stop once they have taken what they may,
// and the host has them go on later (PartitionHost::go_on), so a request is read from several states, each as of then.
// That is linearizable: what is read was applied after the request came in and before it is answered, and the states
// only move forward, so that items on one key keep their order.  A leader goes on as long as it leads in the same term.
//
// A request that cannot be decided here is answered with how it stands: not applied (kNotLeader, kBusy) or perhaps
// applied (kUnknown, when leadership is lost).  Each request is answered exactly once.
//
// Loop thread only; free of sockets, files and clocks.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "program/fair_queue.hpp"
#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/log_level.hpp"
#include "worker/confirmations.hpp"
#include "worker/fences.hpp"
#include "worker/group_clock.hpp"
#include "worker/lag.hpp"
#include "worker/peer_messages.hpp"
#include "worker/raft/replica.hpp"
#include "worker/snapshot/snapshot_file.hpp"
#include "worker/state/prepare.hpp"
#include "worker/state/state_machine.hpp"
#include "worker/work.hpp"

namespace trellis {

class Partition;
class ProposalBatch;

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
  /// Its body may lie in memory that is used again afterwards: whoever keeps it takes Frame::kept().
  virtual void reply(BrokerIndex broker, WorkerReply reply) = 0;
  virtual SnapshotStore& snapshot_store() = 0;
  /// At most one snapshot is written at a time in a worker.
  virtual bool begin_snapshot(PartitionId group, bool is_overdue) = 0;
  virtual void end_snapshot(PartitionId group) = 0;
  virtual void want_chunk(WorkerId from, const ChunkWanted& wanted) = 0;
  /// How many snapshots may be received at a time, as the cluster's settings have it.
  virtual MoveLimits move_limits() const { return {}; }
  virtual Partition* find_partition(PartitionId group) = 0;
  /// Whether the disks of a majority of its voters have room for more documents.
  virtual bool may_grow(const Replica&) const { return true; }
  /// Whether the disk of one of its voters has none.
  virtual bool is_any_full(const Replica&) const { return false; }
  /// Whether a removal of what is due may be proposed in this turn; if not, the partition is woken in the next one.
  virtual bool take_removal(PartitionId) { return true; }
  /// Has the partition go on with a request, now or when it is its client's turn.
  virtual void go_on(Partition& partition, WorkPointer work) = 0;
  /// A number that no client knows.
  virtual std::uint64_t secret() const { return 0; }
  /// To the peer that is furthest away; zero where that is not known.
  virtual Duration round_trip() const { return {}; }
  virtual void report(LogLevel level, std::string event, std::optional<PartitionId> partition) = 0;
  /// Leadership of the group was won, or is ready, or was lost.
  virtual void on_leadership_change() = 0;
  /// A read waits for the group's leadership to be confirmed: the host asks whether it wants_confirmation().
  virtual void on_read_waits(PartitionId) {}
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
  /// A batch's reply ends here whatever its broker allows: a frame beyond 256 MiB would close the connection.
  static constexpr std::size_t kBatchReplyMax = 128 << 20;
  /// What the writes of a request take of a proposal, by estimate, before those of another one have their turn.
  static constexpr Effort kProposalQuantum = kEffortMillisecond;
  /// What the reads of a batch may take that a worker fell silent with: its broker asks for those behind by themselves.
  static constexpr Effort kSuspectEffort = 100 * kEffortMillisecond;
  /// A confirmation unanswered for so long, and a round trip, is asked again.  Reads that come meanwhile wait no longer
  /// than this for the next round.
  static constexpr std::chrono::milliseconds kAskAgainAfter{60};

  /// @param sessions  of the replicated state: the same on all workers, in all their incarnations
  Partition(PartitionId id, ReplicaSettings settings, SessionLimits sessions, PartitionHost& host);
  ~Partition() override;

  /// Loads snapshot and log.
  Result<void> start();

  void on_request(BrokerIndex broker, WorkerRequest&& request);
  /// Whether a request is one read of one key that can be answered in this moment.
  bool may_answer_at_once(const WorkerRequest& request) const;
  /// Does that, for a read whose search has come to its end.  Returns what it took.
  Effort answer_at_once(BrokerIndex broker, const WorkerRequest& request, const PreparedItem& item,
                        const TrieSearch& search);
  /// Prepares, begins or reads, until the request waits for something else, is answered, or has taken `most`.
  JobTurn go_on(const WorkPointer& work, Effort most);
  /// The same as far as it is to be read.
  JobTurn take_up(const WorkPointer& work, Effort most);
  /// Adds searches for what the request reads next.  They are good until this partition does anything else.
  void seek(Work& work, std::vector<TrieSearch>& searches) const;
  /// Adds one, for what an item reads; where it reads nothing, one that has ended.
  void seek(const PreparedItem& item, std::vector<TrieSearch>& searches) const {
    const Read* const read = item.read();
    searches.push_back(read == nullptr ? TrieSearch() : state_->documents().search(read->key));
  }
  /// The same in a later turn than the one in which it was put off.
  JobTurn resume(const WorkPointer& work, Effort most);
  /// What it says to a read of one key, as of now.
  /// @param search  its own, where that has come to its end and nothing was changed since
  CommandResult read_now(const Read& read, const TrieSearch* search = nullptr) const {
    return state_->read(read, state_->deadlines().empty() ? 0 : time().ms, search);
  }
  /// Answers that a request was not carried out, unless it was answered before.
  void refuse(Work& work, Outcome outcome) { abandon(work, outcome); }
  /// To be called when a request is put off.  False: there are too many, and it was refused.
  bool hold(Work& work);
  void on_raft_message(RaftMessage message) { replica_.receive(std::move(message)); }
  /// Whatever can go on goes on: durable batches, proposals, proven reads.
  void settle();
  void tick();

  // Confirmations.  A round's questions leave in the turn in which ask() is called.
  bool wants_confirmation() const;
  /// Whether it may want one later.
  bool has_open_reads() const { return !new_reads_.empty() || proof_.is_waiting(); }
  void ask(Round round);
  const LeadershipProof& proof() const { return proof_; }
  /// The voters that are to be asked are those of the configuration that is in force now.
  void renew_proof() { proof_.set_peers(other_voters()); }
  void on_confirmation(ReplicaPlace from, Round round, Term asked, Term member_term);

  // System entries.
  /// The group is to follow this version of the map; proposed as soon as that can be, where it leads.
  void follow(const MapVersion& version, std::uint32_t level);
  /// Partition 0: the map is to take the place of the one that it was made from.
  void propose_map(const MapVersion& replaced, const ClusterMap& map);
  bool proposes_map() const { return !map_waiting_.empty(); }
  /// Partition 0: users and roles are to take the place of those of that version.
  void propose_access(std::uint64_t replaced, const AccessRecords& records);
  /// Until that is applied: so of two changes that were made from one version none is taken for done that is not.
  bool proposes_access() const { return access_proposed_ > state_->system().access_version(); }

  /// When its leader was heard last; at first, when it was made.
  TimePoint leader_heard_at() const { return leader_heard_at_; }
  void on_leader_heard() { leader_heard_at_ = host_.now(); }
  /// It is about to go: answers all that waits, and lets its state be freed off the loop.
  void close();

  /// The log has to make room: takes a snapshot, where what it sets free is worth it.
  /// @param keeps_tail  see Replica::take_snapshot()
  void make_room(bool keeps_tail);
  /// A snapshot that was fetched and read: restore() takes it up when the library asks for it.
  void hold_for_install(std::string descriptor, StateMachine state);
  bool holds_for_install(std::string_view descriptor) const { return held_ && held_->descriptor == descriptor; }

  /// Somebody knows that the group's time was this.
  void hear_time(const GroupTime& said) { clock_.hear(said); }
  /// The group's time, as far as it is known here.
  GroupTime time() const;
  /// Whether anybody has to know it.
  bool needs_time() const { return !state_->deadlines().empty(); }
  /// Whether it leads, and its clock is the group's.
  bool keeps_time() const { return clock_.is_leading(); }

  Replica& replica() { return replica_; }
  const Replica& replica() const { return replica_; }
  const StateMachine& state() const { return *state_; }
  const SessionLimits& session_limits() const { return session_limits_; }
  /// What is frozen for backups.
  const Fences& fences() const { return fences_; }
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

  bool is_under_way(BrokerIndex broker, const WorkerRequest& copy);
  JobTurn prepare_some(Work& work, Effort most);
  void begin(const WorkPointer& work);
  void begin_reading(Work& work);
  void enqueue(const WorkPointer& work);
  void propose();
  Result<void> read_together(CommandReader& commands);
  void apply(LogIndex index, std::uint32_t position, const Entry& command);
  void propose_fence();
  std::vector<CommandBuffer> system_entries();
  bool is_removal_due() const;
  void on_readiness();
  std::vector<ReplicaPlace> other_voters() const;
  bool propose_some(const WorkPointer& work, std::uint64_t first, ProposalBatch& batch);
  void serve_reads();
  bool may_go_on_reading(const Work& work) const;
  void read(Work& work, Effort most, JobTurn& turn);
  void on_fenced(const FenceArguments& done);
  CommandResult read_fence(const Work& work, const Read& read);
  void free_obsolete_fences();
  Effort read_item(Work& work, std::size_t item, const Read& read);
  void complete(Work& work, std::size_t item, const CommandResult& result);
  void complete_batch_item(Work& work, std::size_t item, const CommandResult& result);
  void finish(Work& work);
  void abandon(Work& work, Outcome outcome);
  void go_on_at_rest();
  bool is_expired(const Work& work) const;
  void release(Work& work);
  void tell_answered(const Work& work, Command command);
  void free_state(std::unique_ptr<StateMachine> old);
  bool may_read_unconfirmed(const WorkerRequest& request) const;
  WorkerReply make_reply(const WorkerRequest& request, Outcome outcome) const;
  Frame packed_reply(std::uint64_t id, const CommandResult& result);

  PartitionId id_;
  WorkerId self_;
  PartitionHost& host_;
  SessionLimits session_limits_;
  std::unique_ptr<StateMachine> state_;
  std::optional<HeldState> held_;
  std::string snapshot_descriptor_;
  OmittedRules omitted_;
  Replica replica_;

  MapVersion to_follow_;
  std::uint32_t level_to_follow_ = 0;
  std::string map_waiting_;             ///< A system entry that is not proposed yet; empty: none.
  std::string access_waiting_;          ///< The same.
  std::uint64_t access_proposed_ = 0;   ///< The version that was proposed last in this term; 0: none.
  std::deque<WorkPointer> proposals_;   ///< Those with writes that are not proposed yet.
  std::deque<WorkPointer> new_fences_;  ///< Each is proposed alone.
  Fences fences_;
  std::deque<WaitingWrite> waiting_;
  std::vector<Entry> applying_;       ///< Commands of the log entry that is applied, those that come next,
  std::vector<TrieSearch> searches_;  ///< and room for searches: for their keys, or those that a batch reads.
  std::string packed_reply_;          ///< Room for one.
  std::vector<WorkPointer> new_reads_;
  std::deque<WaitingRead> waiting_reads_;
  std::map<std::pair<BrokerIndex, std::uint64_t>, Work*> batches_;  ///< Not answered yet; by broker and tag.
  std::size_t queued_requests_ = 0;
  std::size_t queued_bytes_ = 0;

  LeadershipProof proof_;
  TimePoint asked_at_;
  TimePoint leader_heard_at_;
  bool was_ready_ = false;
  Lag lag_;
  GroupClock clock_;
  TimePoint snapshot_retry_at_;
  /// Since when no entry has come, and what is done about it.
  struct Rest {
    LogIndex last{};
    TimePoint quiet_since;
    TimePoint went_on_at;  ///< The last empty entry.
    bool has_begun = false;
    int entries_left = 0;  ///< Empty ones that are still to come.
  };
  Rest rest_;
};

}  // namespace trellis
