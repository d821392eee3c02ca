// Shard: the worker's core.  Partitions, membership, batches and confirmations, one turn of the loop at a time.
//
//   begin_turn(now)                 takes up a batch that became durable
//   on_broker_message(...)          all that waits, of every broker
//   on_peer_message(...)            all that waits, of every peer
//   end_turn()                      ticks, proposes, confirms, starts the next write, sends what has gathered
//
// A shard is the unit that a worker may one day run several of: it has no global state.  It is free of sockets, files,
// clocks and threads, and runs unchanged in sim/.  Heartbeats come from its turns and nowhere else: a loop that is
// stuck falls silent.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "program/fair_queue.hpp"
#include "program/slow_log.hpp"
#include "protocol/cluster/bulk_link.hpp"
#include "worker/access_copy.hpp"
#include "worker/background.hpp"
#include "worker/balancer.hpp"
#include "worker/broker_link.hpp"
#include "worker/broker_watch.hpp"
#include "worker/counts.hpp"
#include "worker/incarnations.hpp"
#include "worker/map_keeper.hpp"
#include "worker/membership.hpp"
#include "worker/moves.hpp"
#include "worker/partition.hpp"
#include "worker/peer_messages.hpp"
#include "worker/peers.hpp"
#include "worker/put_off.hpp"
#include "worker/raft/reconcile.hpp"
#include "worker/recovery_talk.hpp"
#include "worker/snapshot/snapshot_transfer.hpp"
#include "worker/turn_room.hpp"

namespace trellis {

class ShardOutput {
 public:
  virtual ~ShardOutput() = default;
  /// Both may lose what they are given.
  virtual void to_broker(BrokerIndex broker, Frames message) = 0;
  virtual void to_peer(WorkerId peer, const std::string& address, Frames message) = 0;
  /// One line an event, for people.
  virtual void report(LogLevel level, std::string event, std::optional<PartitionId> partition) = 0;
  /// This peer is no member any more: its link can go.
  virtual void close_peer(WorkerId) {}
  /// From now on the worker is a member of this cluster.
  virtual void on_cluster(const ClusterId&) {}
  /// What the process takes, for its heartbeats.
  virtual std::uint64_t resident_bytes() { return 0; }
  /// For whoever watches (the simulator does): a replica applies this entry now, and one was settled.
  virtual void on_applied(PartitionId, LogIndex, std::string_view) {}
  virtual void on_settled(PartitionId) {}
};

struct ShardSettings {
  std::string address;      ///< host:port, where peers reach this worker.
  std::size_t brokers = 1;  ///< How many this worker is connected to.
  bool joins = false;       ///< An empty worker asks to be taken into the cluster that its brokers serve.
  std::chrono::milliseconds recovery_silence = kRecoverySilence;  ///< How long who is lost must have been silent.
  std::string zone;         ///< Its failure domain; empty: the host of its address.
  ReplicaSettings replica;  ///< `self` is filled in by the shard.
  /// They hold for each partition, and are the same on all workers in all their incarnations: no option of theirs.
  SessionLimits sessions;
  /// A preferred leader that has been level for so long is handed leadership.
  std::chrono::milliseconds hand_over_after{3'000};
  SlowSettings slow;
  /// Bytes of replies after which they leave, and their broker goes on with them while this worker does with the rest.
  std::size_t replies_sent_at = 32 << 10;
  std::uint64_t snapshot_sync_every = kSnapshotSyncEvery;  ///< As a SnapshotReceiver has it.
  std::optional<AccessRecords> first_access;               ///< What a cluster with keys begins with.
};

class Shard final : public PartitionHost, private IncarnationsOutput {
 public:
  static constexpr std::chrono::milliseconds kTickInterval{15};
  /// A turn that comes so late means that the worker was frozen: what waited in its sockets may be long obsolete.
  static constexpr std::chrono::milliseconds kFrozenAfter{1'000};
  /// A peer with which a partition is shared hears something so often, so that both know of each other.
  static constexpr std::chrono::milliseconds kGreetEvery{150};
  /// A replica that has not heard its leader for so long, and a round trip, asks whether it is a member at all.
  static constexpr std::chrono::milliseconds kLeaderMissedAfter{700};
  /// A worker whose folder belongs to another waits so long for a broker to refuse it, and then refuses itself.
  static constexpr std::chrono::milliseconds kRefusalWithin{3'000};

  /// Each worker writes down the times of its groups so often.
  static constexpr std::chrono::seconds kTimesNotedEvery{60};

  /// What requests may take of a turn: those that are served as they come, and those that were put off.  So heartbeats
  /// and the log wait for no more than some 5 ms, and for the one document, page or write that comes last.
  static constexpr Effort kAtOnceEffort = 5 * kEffortMillisecond / 2;
  static constexpr Effort kPutOffEffort = 5 * kEffortMillisecond / 2;

  /// Loads everything the store holds.  All references outlive the shard.
  static Result<std::unique_ptr<Shard>> open(ShardSettings settings, LogStore& store, SnapshotStore& snapshots,
                                             Background& background, ShardOutput& output, RandomSource random,
                                             TimePoint now);
  ~Shard() override;

  void begin_turn(TimePoint now);
  void on_broker_message(BrokerIndex broker, const Frames& message);
  void on_peer_message(const Frames& message);
  void end_turn();
  /// After end_turn: tells of the turn's slowest request, if it was slow.  @param now  what the clock says now
  void report_slow(TimePoint now);
  /// When the next turn is due without any message; now or earlier: at once.
  TimePoint next_turn() const;

  /// Why the worker has to stop, for people; nothing while all is well.
  const std::optional<std::string>& failure() const { return failure_; }

  using MapChange = std::function<Result<ClusterMap>(const ClusterMap&)>;
  /// As the leader of partition 0: the map is to change so.  Errors: those of the change, and kUnavailable, where this
  /// worker does not lead, or something is being changed already: then it is asked for again.
  Result<void> change_map(const MapChange& change);
  /// The map that is replicated, where this worker leads partition 0; else null.
  const ClusterMap* kept_map() const;

  /// The map that a recovery has it write down, and that is not in force yet; null: none.
  const ClusterMap* recovery_plan() const;

  /// Its replicas are to be made anew of what is left: it has to be opened again.
  bool wants_restart() const { return wants_restart_; }

  /// Why the worker is to end in good order: it was removed from its cluster.
  const std::optional<std::string>& removed() const { return membership_.removed(); }

  /// SIGTERM: tells the brokers, and hands over what it leads.
  void begin_leaving();
  /// Whether nothing is led any more that another could lead.
  bool has_left() const;

  /// By requests, of the last turn.
  Effort taken_in_turn() const { return taken_at_once_ + taken_put_off_; }

  const Membership& membership() const { return membership_; }
  const WorkerCounts& counts() const { return counts_; }
  const Incarnations& incarnations() const { return incarnations_; }
  /// Whether its replica votes and acknowledges: peers have told what it promised before this start.
  bool takes_part(PartitionId partition) const { return looking_on_.count(partition) == 0; }
  const Moves& moves() const { return moves_; }
  /// Replicas on their way here, and those that wait to be.
  std::vector<Receiving> receiving() const;
  const std::map<PartitionId, std::unique_ptr<Partition>>& partitions() const { return partitions_; }

  // ReplicaHost and PartitionHost
  LogStore& log_store() override { return store_; }
  LogRoom room() const { return store_.room(); }
  std::uint64_t log_memory() const { return store_.memory(); }
  BatchNumber collecting_batch() const override { return collecting_; }
  BatchNumber durable_batch() const override { return durable_; }
  TimePoint now() const override { return now_; }
  std::uint64_t random() override { return random_(); }
  void send(const ReplicaPlace& to, RaftMessage message, BatchNumber after) override;
  void run_in_background(std::function<void()> work, std::function<void()> done) override;
  void wake(PartitionId group) override;
  void reply(BrokerIndex broker, WorkerReply reply) override;
  SnapshotStore& snapshot_store() override { return snapshots_; }
  bool begin_snapshot(PartitionId group, bool is_overdue) override;
  bool take_removal(PartitionId group) override { return room_in_turn_.take_removal(group); }
  bool may_take_in_piece(PartitionId group) override { return room_in_turn_.take_in_piece(group); }
  bool may_finish_piece(PartitionId group) override { return room_in_turn_.finish_piece(group); }
  void end_snapshot(PartitionId group) override;
  void want_chunk(WorkerId from, const ChunkWanted& wanted) override;
  MoveLimits move_limits() const override;
  Partition* find_partition(PartitionId group) override;
  bool may_grow(const Replica& replica) const override;
  bool is_any_full(const Replica& replica) const override;
  void go_on(Partition& partition, WorkPointer work) override;
  std::uint64_t secret() const override { return nonce_.value; }
  Duration round_trip() const override { return round_trip_; }
  void report(LogLevel level, std::string event, std::optional<PartitionId> partition) override {
    output_.report(level, std::move(event), partition);
  }
  void on_answered(const Answered& answered) override;
  void on_message_refused(PartitionId group, const std::string& why) override;
  void on_snapshot_fetched(Duration took) override;
  void on_read_waits(PartitionId group) override { reading_.insert(group); }
  void on_entries_collected(std::size_t count) override { collected_entries_ += count; }
  void on_leadership_change() override {
    hello_due_ = now_;
    ++counts_.leader_changes;
  }
  void on_applied(PartitionId group, LogIndex index, std::string_view command) override {
    ++counts_.entries_applied;
    output_.on_applied(group, index, command);
  }

 private:
  /// Refused messages come in floods, or not at all.
  static constexpr std::chrono::seconds kRefusalsToldEvery{10};
  static constexpr std::size_t kBundleBytesMax = 1 << 20;  ///< What a peer is told at once: it arrives whole.
  static constexpr const char* kAskVersions = "; do all workers and brokers run the same version of Trellis?";

  /// An item for a peer that must not leave before a batch is durable.
  struct Held {
    WorkerId to;
    std::optional<PartitionId> group;  ///< Whose it is alone.
    PeerMessageType type;
    std::string header;
    Frame body;
  };
  /// One of a broker's clients.
  using Client = std::pair<BrokerIndex, std::uint32_t>;
  static constexpr std::size_t kGatheredMax = 16;
  Shard(ShardSettings settings, Membership membership, LogStore& store, SnapshotStore& snapshots,
        Background& background, ShardOutput& output, RandomSource random, TimePoint now);

  Result<void> open_partitions();
  Result<void> open_partition(PartitionId id, ReplicaId held);
  // worker/shard_members.cpp
  void look_after_map();
  void keep_map();
  Standing standing() const;
  void lead(Partition& partition);
  GroupView view_of(const Replica& replica) const;
  bool is_settled(const Partition& partition) const;
  void tell_newcomers();
  void tell_members(const Partition& partition, WorkerId to);
  void ask_for_leaders();
  void look_after_greeted();
  void on_member_item(WorkerId from, const BundleItem& item);
  void on_notice(const GroupNotice& notice);
  // worker/shard_moves.cpp
  void count_moves();
  std::string address_of(WorkerId worker) const;
  std::string wait_of(const Partition& partition, const GroupView& view, const GroupTarget& target) const;
  bool is_receiving(const Partition& partition) const;
  void send_chunk(const SnapshotSender::Want& want);
  void send_put_off_chunks();
  void close_gone_peers();
  // worker/shard_keeper.cpp
  /// A command about the cluster that waits.
  struct ClusterRequest {
    BrokerIndex broker = 0;
    WorkerRequest request;
    TimePoint deadline;
    MapVersion proposed;               ///< The map that does it; zero: none was proposed yet.
    bool has_proposed_access = false;  ///< One of users and roles was.
    std::string refusal;               ///< Why such a change is refused.
  };
  void on_join_wanted(BrokerIndex broker, const JoinWanted& wanted);
  void on_cluster_request(BrokerIndex broker, WorkerRequest request);
  void serve_cluster_requests();
  bool serve(ClusterRequest& each);
  // worker/shard_access.cpp
  void look_after_access();
  void say_access(BrokerLink& link);
  void on_access_item(WorkerId from, const BundleItem& item);
  bool serve_access(ClusterRequest& each, const Request& request);
  void answer_cluster(BrokerIndex broker, const WorkerRequest& request, Outcome outcome, Frame body);
  // worker/shard_recovery.cpp
  void on_recovery_ask(BrokerIndex broker, const BundleItem& item);
  void on_recovery_heard(BrokerIndex broker, const BundleItem& item);
  void on_recovery_plan(BrokerIndex broker, const BundleItem& item);
  void answer_recovery();
  RecoveryTold tell(const RecoveryTalk::Question& question);
  void say_recovery();
  void warn_of_recovery();
  std::string objection_to(const ClusterMap& plan) const;
  void take_map(const ClusterMap& offer);
  std::vector<ReplicaEnd> replica_ends() const;
  std::string heard_lately(const std::vector<WorkerId>& lost) const;
  bool is_recovering() const;
  bool is_left_behind(WorkerId worker) const;
  bool has_to_recover() const;
  Result<void> recover_replicas(std::vector<std::string>& needed);
  Result<void> open_made();
  void close_partition(PartitionId id);
  void take_durable();
  void tick();
  void look_after_room();
  void look_whether_full(const LogRoom& room);
  std::size_t full_voters(const Replica& replica) const;
  void balance();
  void sweep_snapshots();
  /// Whether it hands over all that it leads, and takes nothing: it is about to stop, or no broker hears it.
  bool gives_up();
  void set_timing();
  void greet();
  void settle_all();
  void settle(PartitionId id);
  std::vector<ReplicaPlace> peers_to_ask(const LeadershipProof& proof) const;
  void ask_for_confirmations();
  void say_hello();
  WorkerLoad load() const;
  void start_write();
  void flush();
  void flush_to(WorkerId peer, BundleWriter& out);
  void fail(const std::string& why);

  void on_request(BrokerIndex broker, const BundleItem& item);
  void on_welcome(BrokerIndex broker, const BundleItem& item);
  void on_leadership_question(BrokerIndex broker, const BundleItem& item);
  void on_refused(BrokerIndex broker, const Refused& refused);
  void stop_where_nobody_takes_it();
  void on_challenge(BrokerIndex broker, const Challenge& challenge);
  void note(const Result<void>& done);
  void warn(std::string event) { report(LogLevel::kWarning, std::move(event), std::nullopt); }

  void on_broker_item(BrokerIndex broker, const BundleItem& item);
  void on_other_recovery(const Speaker& speaker, BundleReader& reader);
  void on_peer_item(WorkerId from, const BundleItem& item);
  void on_raft_item(WorkerId from, const BundleItem& item);
  void on_question(WorkerId from, std::string_view header);
  void on_answer(WorkerId from, std::string_view header);
  void on_chunk_wanted(WorkerId from, std::string_view header);
  void to_peer(WorkerId peer, PeerMessageType type, std::string_view header, const Frame& body = {});
  void to_peer_now(WorkerId peer, PeerMessageType type, std::string_view header, const Frame& body = {});
  void say_to_peer(WorkerId peer, PeerMessageType type, const std::string& header) override {
    to_peer(peer, type, header);
  }
  void note_promise(const RaftMessage& message, const Replica& replica);
  void let_take_part();
  /// What is to be said to this peer next; it begins with who speaks.
  BundleWriter& bundle_to(WorkerId peer);

  bool reads_at_once(BrokerIndex broker, const Partition& partition, const WorkerRequest& request) const;
  void gather(Partition& partition, WorkPointer work);
  void answer(GatheredRead& read, const TrieSearch& search);
  void read_gathered();
  void on_reads(BrokerIndex broker, WorkerRequest request);
  JobTurn resume(JointWork& work, Effort most);
  void answer(JointWork& work);
  void run_put_off();
  JobTurn refuse(const Work& work);
  bool has_room_for_reply(const Work& work) const;

  // worker/shard_times.cpp
  Result<void> load_time(PartitionId id);
  void note_times();
  void say_times();
  void say_all_times(WorkerId peer);
  void on_times(std::string_view header);

  // worker/shard_bulk.cpp
  BulkLink& bulk_with(WorkerId peer);
  void to_peer_in_turn(WorkerId peer, PeerMessageType type, std::string_view header, const Frame& body);
  void fill_bulk();
  void forget_unfinished_bulk();
  void on_bulk(WorkerId from, const BundleItem& item);
  void on_bulk(BrokerIndex from, const BundleItem& item);
  static bool takes_large_reply(const BrokerLink& broker);
  static bool has_room_for(const BrokerLink& broker, const WorkerReply& reply);
  void add_reply(BrokerLink& broker, const WorkerReply& reply);

  ShardSettings settings_;
  Membership membership_;
  LogStore& store_;
  SnapshotStore& snapshots_;
  Background& background_;
  ShardOutput& output_;
  RandomSource random_;
  BootNonce nonce_;
  TimePoint now_;

  std::map<PartitionId, std::unique_ptr<Partition>> partitions_;
  bool are_open_ = false;
  std::map<PartitionId, records::LocalReplica> local_replicas_;
  std::map<PartitionId, BatchNumber> opening_;  ///< Made here; to be opened once that is durable.
  std::map<PartitionId, BatchNumber> deleted_;  ///< Deleted here; what snapshots they had go once that is durable.
  MapKeeper keeper_;
  RecoveryTalk recovery_;
  bool wants_restart_ = false;
  Moves moves_;
  MapVersion peers_as_of_;  ///< The map by which links to peers are kept.
  TimePoint check_due_;
  std::shared_ptr<const ClusterMap> checked_map_;  ///< As of the last check.
  TimePoint members_told_at_;
  std::vector<ClusterRequest> cluster_requests_;
  AccessCopy access_;

  FairQueue<Client, PutOff> put_off_;  ///< Requests that are to be gone on with in later turns.
  std::vector<Gathered> gathered_;     ///< Reads of the message that is being read,
  std::vector<GatheredRead> singles_;  ///< and those of one key.
  std::vector<TrieSearch> searches_;   ///< Room for theirs.
  bool gathers_ = false;
  std::size_t joint_bytes_ = 0;  ///< What the requests of joint reads take that are put off.
  Effort taken_at_once_ = 0;     ///< By requests that were served as they came, in this turn,
  Effort taken_put_off_ = 0;     ///< and by those that were put off.

  Incarnations incarnations_;
  std::set<PartitionId> looking_on_;  ///< Those in which this worker must not vote or acknowledge yet.
  BatchNumber identity_batch_ = 0;    ///< The number of this start is in it: nothing is said before it is durable.
  BatchNumber collecting_ = 1;
  BatchNumber under_way_ = 0;
  BatchNumber durable_ = 0;
  std::map<BatchNumber, std::vector<Held>> held_;

  std::set<PartitionId> woken_;         ///< To be settled in this turn.
  std::set<PartitionId> reading_;       ///< Their reads may wait for a confirmation.
  std::size_t collected_entries_ = 0;   ///< In the batch that is collected.
  std::set<PartitionId> in_collected_;  ///< With records in the batch that is collected,
  std::set<PartitionId> in_under_way_;  ///< and in the one under way.

  std::map<WorkerId, BundleWriter> to_peers_;
  std::set<WorkerId> spoken_to_;  ///< Those for whom something has gathered.
  BulkRoom bulk_room_;
  std::map<WorkerId, BulkLink> bulk_with_;
  bool bulk_waits_ = false;  ///< Something, for one peer at least.
  std::deque<BrokerLink> brokers_;
  Round round_ = 0;
  std::map<WorkerId, TimePoint> answered_at_;  ///< When each peer last answered a question.
  Peers peers_;
  std::map<WorkerId, TimePoint> greeted_at_;  ///< Those that share a partition; when each was last spoken to.
  Duration round_trip_{};                     ///< To the peer that is furthest away, as of the last tick.
  bool is_unwelcome_ = false;                 ///< As it was last told.

  TimePoint times_said_;
  TimePoint times_noted_;
  std::map<PartitionId, GroupTime> noted_;  ///< As they stand in the log.
  TurnRoom room_in_turn_;

  std::optional<PartitionId> snapshotting_;
  std::set<PartitionId> unswept_;  ///< A snapshot of theirs was begun, written or fetched: some may be left over.
  SnapshotReceiver receiver_;
  SnapshotSender sender_;

  TimePoint started_;
  TimePoint tick_due_;
  TimePoint hello_due_;
  BrokerWatch broker_watch_;
  Balancer balancer_;
  bool has_run_ = false;  ///< A turn was run: loading before it is no freeze.
  /// After it stood still.  What a broker sent before it had heard a hello from since then is obsolete.
  std::optional<TimePoint> woke_at_;
  bool is_leaving_ = false;
  bool is_full_ = false;  ///< The disk has room for going on, and no more.
  TimePoint room_looked_at_;
  std::optional<std::string> failure_;

  WorkerCounts counts_;
  SlowLog slow_log_;
  std::optional<Answered> slowest_;  ///< The answer of this turn whose request arrived first,
  std::string slowest_key_;          ///< and its key, where keys are named.
  TimePoint snapshot_begun_;
  std::optional<TimePoint> refusal_told_;
  std::optional<TimePoint> map_refusal_told_;
};

}  // namespace trellis
