// Replica: the C++ face of one libraft instance, one partition's copy on this worker.
//
// It keeps the rules of docs/libraft.md, each named where it stands:  R1 barrier on becoming leader, R2 gate, R3 clamp,
// R7 cap and R15 installed configurations (raft_io), R4 trim, R5 configurations, R6 transfers, R8 one apply a turn,
// R9 one batch under way, R11 terms from pre-votes, R12 changes of members, R13 lone voters, R14 votes of standbys.
//
// Loop thread only; free of sockets, files and clocks.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/raft/host.hpp"
#include "worker/raft/log_records.hpp"

struct raft_message;
struct raft_progress;

namespace trellis {

/// Memory for one command of the log.  The library takes it over when it is proposed, so it comes from its allocator.
class CommandBuffer {
 public:
  explicit CommandBuffer(std::size_t size);
  CommandBuffer(CommandBuffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  CommandBuffer& operator=(CommandBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~CommandBuffer();
  char* data() { return data_; }
  std::size_t size() const { return size_; }
  char* release() { return std::exchange(data_, nullptr); }

 private:
  char* data_;
  std::size_t size_;
};

/// What the simulator leaves out on purpose, to see whether its checkers notice.  Nothing in production.
struct OmittedRules {
  bool barrier = false;         ///< R1
  bool gate = false;            ///< R2
  bool clamp = false;           ///< R3
  bool trim = false;            ///< R4
  bool configurations = false;  ///< R5
  bool sessions = false;        ///< Snapshots hold no session table.
  bool deadlines = false;       ///< Snapshots hold no deadlines.
  bool lone_term = false;       ///< R13
  bool incarnations = false;    ///< Older copies of a folder are taken in.
  bool proofs = false;          ///< A start is proven to each peer that has told, whoever has not.
  bool pre_votes = false;       ///< R11
  bool standby_votes = false;   ///< R14
  bool fingerprints = false;    ///< All requests of one session and seq are taken for the same.
  bool confirmations = false;   ///< One peer confirms leadership, however many voters there are.
  bool times = false;           ///< A leader keeps its group's time by its own clock, whatever it heard.
  bool patches = false;         ///< A PATCH is done as often as it is sent.
  bool after = false;           ///< Listings begin at their beginning, whatever `after` says.
  bool fence_holds = false;     ///< A leader proposes on behind a fence.
  bool fence_checks = false;    ///< Whoever asks whether a leader holds is told that it does.
  bool left_behind = false;     ///< Whom a recovery leaves behind is listened to until it has ended.
  bool promises = false;        ///< A worker writes down whatever plan it is sent, and tells of none.
  bool wishes = false;          ///< A wish to join counts by whatever map it was said.
  bool repair_time = false;     ///< Whoever is silent for a moment is down for good, whatever the settings say.
  bool bulk = false;            ///< Peers are sent what is large as it comes, in front of what is urgent.
};

struct RaftTiming {
  std::chrono::milliseconds election{500};  ///< Drawn anew between this and twice this each time.
  std::chrono::milliseconds heartbeat{50};
};

struct ReplicaSettings {
  ReplicaPlace self;
  RaftTiming timing;
  std::chrono::milliseconds install_timeout{5'000};  ///< An InstallSnapshot unanswered for so long is sent again.
  std::uint64_t snapshot_log_bytes = 64 << 20;       ///< At least so much log before a snapshot is due.
  std::uint64_t tail_bytes = 8 << 20;  ///< So much of the log is kept behind a snapshot, for followers a little late.
  /// A larger AppendEntries is put to the library in pieces of about this size, as each turn has room for them.
  std::size_t piece_size = 64 << 10;
  OmittedRules omitted;
};

/// The library's own numbers.
enum class ReplicaRole : std::uint8_t {
  kStandby = 0,  ///< Has the log, and no vote.
  kVoter = 1,
  kSpare = 2,  ///< Has neither.
};

enum class MemberChange : std::uint8_t {
  kAdd,          ///< As a spare.
  kMakeStandby,  ///< From now on the log is sent to it.
  kPromote,      ///< To a voter, once it is level.
  kRemove,
};

struct ReplicaMember {
  ReplicaPlace place;
  ReplicaRole role = ReplicaRole::kSpare;
};

/// Who belongs to a group, by one entry of its log.
struct ReplicaConfiguration {
  LogIndex index;  ///< Where that entry stands, with its term: two leaders may write different ones at one index.
  Term term;       ///< 0: not known here, since a snapshot holds that entry.
  bool is_committed = false;
  std::vector<ReplicaMember> members;
};

class Replica {
 public:
  /// Messages that wait at the gate; beyond it the newest are dropped, as a network may.
  static constexpr std::size_t kInboxMax = 1024;

  Replica(PartitionId group, ReplicaSettings settings, ReplicaHost& host, ReplicaOwner& owner);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  /// Collects the records of a new group, whose first entry is its configuration; durable with the batch they join.
  static void bootstrap(LogStore& store, PartitionId group, const std::vector<ReplicaPlace>& voters);
  /// Collects the records of an empty replica, which the entry at (term, index) has added to a group that is there.
  static void make(LogStore& store, PartitionId group, const records::LocalReplica& local);
  /// Collects the removal of all that a replica has stored, but for `local`, which says that it is gone.
  static void remove(LogStore& store, PartitionId group, const records::LocalReplica& local);

  /// Loads snapshot and log, and applies what is known to be committed.  Error: damaged records, for people.
  Result<void> start();

  /// To be called every kTickInterval.
  void tick();
  /// It stands for election no earlier than if its leader had just been heard.
  void restart_election_timer();
  /// Other times from now on; what was drawn from the former ones keeps its place between the least and the most.
  void set_timing(const RaftTiming& timing);
  void receive(RaftMessage message);
  /// Takes up what became durable, and whatever else waits.  To be called after wake() and after each durable batch.
  void settle();

  /// Whether the library or the owner gave up; with why.  The worker has to stop.
  const std::optional<std::string>& failure() const { return failure_; }

  /// Leader in its own eyes: commands may be proposed.
  bool is_leader() const;
  /// Leader whose own term's barrier is applied: reads may be served once its leadership is confirmed.
  bool is_ready() const;
  /// Leader, ready, with nothing proposed that is not applied, and no transfer under way (R9).
  bool can_propose() const;
  /// Proposes all in order, as one (R8).  Only while can_propose().  Returns the index of the first.
  LogIndex propose(std::vector<CommandBuffer> commands);

  PartitionId group() const { return group_; }
  const ReplicaPlace& self() const { return settings_.self; }
  Term term() const;
  /// The worker of the replica that it voted for in its term: WorkerId{} where it voted for none, nothing where that
  /// one is no member any more, or not yet, as far as is known here.
  std::optional<WorkerId> voted_for() const;
  LogIndex commit_index() const;
  LogIndex applied() const;
  LogIndex last_index() const;
  /// The term of that entry; 0: there is none.
  Term last_term() const;
  std::optional<ReplicaPlace> leader() const;
  /// The configuration in force: the newest that its log holds durably, on a leader the newest that it has written.
  /// Valid until it changes.
  const ReplicaConfiguration& configuration() const;
  LogIndex configuration_index() const;
  std::vector<ReplicaPlace> voters() const;
  /// The member with that id, or the one on that worker.
  std::optional<ReplicaMember> member(ReplicaId id) const;
  std::optional<ReplicaMember> member_on(WorkerId worker) const;
  /// The batch after which this replica's current term is durable.
  BatchNumber term_batch() const;

  /// Leader only: whether `peer` holds the log, but for the last kLevelWithin entries.
  static constexpr std::uint64_t kLevelWithin = 1024;
  bool is_level(ReplicaId peer) const;
  /// Leader only: the last entry that `peer` is known to hold.
  LogIndex match_index(ReplicaId peer) const;
  /// Leader only: hands leadership to `peer`.  False where that is not possible now.
  bool transfer_to(ReplicaId peer);
  bool is_transferring() const;
  /// Whether a change of the members is under way.
  bool is_changing() const;
  /// Leader only: changes the members by one.  False where that is not possible now; what became of it shows in the
  /// configuration alone.
  bool change(MemberChange change, const ReplicaPlace& member);

  /// Whether enough log has gathered for a snapshot, given the size of the state.
  bool is_snapshot_due(std::uint64_t state_bytes) const;
  /// Bytes of memory that its log takes: the entries that are not let go.
  std::uint64_t log_memory() const;
  /// Whether one would set free more than it takes, and so may be made before it is due.
  /// @param keeps_tail  as take_snapshot()
  bool is_snapshot_worthwhile(std::uint64_t state_bytes, bool keeps_tail) const;
  /// Whether one would set free a fair share of what the state takes, where the group is at rest and disks are idle.
  bool is_snapshot_worth_rest(std::uint64_t state_bytes, bool keeps_tail) const;
  /// Whether, for all that this replica knows, each voter has the whole log.  A follower knows of no other.
  bool are_voters_level() const;
  /// Whether so much has gathered that one must not be put off any longer.
  bool is_snapshot_overdue(std::uint64_t state_bytes) const;
  bool is_snapshotting() const;
  /// Takes a snapshot when the next entry is applied.
  /// @param keeps_tail  leaves some of the log behind it, for followers that are a little late
  void take_snapshot(bool keeps_tail);
  /// Whether the library would take an InstallSnapshot now.
  bool can_install() const;
  std::uint64_t snapshot_index() const;

  /// An entry that says nothing, for what waits for entries; where can_propose().
  void propose_empty();

  void collect_commit_hint();

 private:
  struct Library;  // Keeps raft.h out of this header.

  bool passes_gate(const RaftMessage& message) const;
  /// Drops what the library must not hear.
  bool refuses(const RaftMessage& message);
  bool is_impossible(const RaftMessage& message) const;
  bool is_large(const RaftMessage& message) const;
  void work_off_inbox();
  void deliver(const RaftMessage& message);
  void tell_library(const RaftMessage& message);
  void ask_for_vote(struct raft_message& in);
  void forget_unheard_leader();
  void deliver_append(const RaftMessage& message);
  void catch_up_with_term(const RaftMessage& message);
  void deliver_install(const RaftMessage& message);
  /// After each call into the library: completes sends, and sees what became of state and term.
  void after_call();
  void become_leader();
  void step_down();
  void drop_transfer();
  Result<void> apply_hint();
  bool is_lone_voter() const;
  const struct raft_progress* progress_of(ReplicaId peer) const;
  bool may_follow(MemberChange change, ReplicaId member) const;
  void raise_term_of_lone_voter();
  Result<void> open_library();
  void close_library();
  void find_uncommitted_configuration();
  std::uint64_t conflict_of(const RaftMessage& message) const;
  bool begin_reopening(const RaftMessage& message);
  void reopen();
  void start_snapshot_job();
  std::string gave_up(const std::string& what) const;
  void fail(const std::string& why);

  PartitionId group_;
  ReplicaSettings settings_;
  ReplicaHost& host_;
  ReplicaOwner& owner_;
  std::unique_ptr<Library> library_;

  std::uint64_t lead_term_ = 0;  ///< The term this replica leads; 0: it does not.
  std::uint64_t barrier_index_ = 0;
  bool keeps_tail_ = true;  ///< Behind the next snapshot.
  bool tick_skipped_ = false;
  bool started_ = false;
  bool closing_ = false;
  mutable ReplicaPlace leader_;                 ///< As the library named it last, read.
  mutable ReplicaConfiguration configuration_;  ///< As the library had it last, read.
  BatchNumber reopening_after_ = 0;             ///< R5: once this batch is durable, the library is started anew; 0: no.
  bool is_reopening_ = false;
  std::deque<RaftMessage> inbox_;
  const RaftMessage* delivering_ = nullptr;  ///< What the library is being told.
  std::optional<std::string> failure_;
  /// Tells background work that the replica is gone.
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace trellis
