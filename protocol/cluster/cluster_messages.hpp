// What brokers and workers say to each other, as items of a Bundle.
//
//   worker -> broker   Hello (every heartbeat is one), MapOffer, WorkerReply, LeadershipAnswer, JoinRefused
//   broker -> worker   Welcome (every heartbeat is one), Refused, Challenge, Form, MapWanted, MapOffer, AllHold,
//                      WorkerRequest, LeadershipQuestion, JoinWanted
//
// Control messages are MessagePack arrays in the item's header; requests and replies have fixed-width headers, and
// their body is a frame that is passed on as it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/cluster/bundle.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "protocol/cluster/round_trip.hpp"
#include "protocol/command_table.hpp"
#include "protocol/types.hpp"

namespace trellis {

enum class MessageType : std::uint8_t {
  kHello = 1,
  kWelcome = 2,
  kRefused = 3,
  kForm = 4,
  kMapWanted = 5,
  kMapOffer = 6,
  kAllHold = 7,
  kRequest = 8,
  kReply = 9,
  kChallenge = 10,
  kLeadershipQuestion = 11,
  kLeadershipAnswer = 12,
  kJoinWanted = 13,
  kJoinRefused = 14,
  // protocol/access/access_messages.hpp
  kAccessNews = 15,
  kAccessWanted = 16,
  kAccessOffer = 17,
  // protocol/cluster/recovery_messages.hpp
  kRecoveryAsk = 18,
  kRecoveryTold = 19,
  kRecoveryPlan = 20,
  kRecoveryWritten = 21,
  kRecoveryHeard = 22,  // The last one.
};
/// For tables by MessageType.
inline constexpr std::size_t kMessageTypesEnd = static_cast<std::size_t>(MessageType::kRecoveryHeard) + 1;

/// A partition that its sender leads, with its own term's barrier applied, so that it serves.
struct Leadership {
  PartitionId partition;
  Term term;
  /// The entry of its log that holds the configuration in force, which it alone writes in its term; 0: it says none,
  LogIndex configuration{};
  std::vector<ReplicaPlace> voters{};  ///< and of whom that consists.
  bool operator==(const Leadership&) const = default;
};

/// How far a follower is behind its leaders, as these see it.
struct FollowerLag {
  WorkerId follower;
  std::uint64_t entries = 0;       ///< Entries of the log, over all partitions together.
  std::uint32_t milliseconds = 0;  ///< How far the partition is behind that is furthest behind.
  bool operator==(const FollowerLag&) const = default;
};

/// What a worker does, for whoever looks at the cluster; nothing is decided by it.
struct WorkerLoad {
  std::uint64_t resident_bytes = 0;
  std::uint64_t requests = 0;              ///< Answered with a result, since its start.
  std::uint64_t request_microseconds = 0;  ///< From arrival to result, over all of them.
  std::vector<FollowerLag> followers;      ///< That are behind in partitions which it leads.
  bool operator==(const WorkerLoad&) const = default;
};

/// The version of what hellos hold; it is the first number in each.
constexpr std::uint32_t kHelloVersion = 10;

/// Said every kHeartbeatInterval, and at once when a leadership changes.  It holds all a broker needs to know of a
/// worker, so that a broker that has just started learns everything from the next one.
struct Hello {
  std::uint32_t protocol_version = kHelloVersion;
  WorkerId id;
  BootNonce nonce;
  std::string address;
  std::string zone;   ///< Its failure domain, as it was named; empty: it was not.
  ClusterId cluster;  ///< Empty: the worker is empty and takes part in making a cluster.
  /// The number of the map that it holds; where it joins, of the newest that it was offered.
  std::uint64_t map_epoch = 0;
  std::uint64_t map_version = 0;
  bool formed = false;
  std::uint32_t level = kLevel;  ///< What its software knows.
  bool joins = false;            ///< Empty, it wants to be taken into the cluster.
  bool leaving = false;          ///< It is about to stop: route nothing new to it.
  std::uint64_t keys = 0;        ///< Over all replicas it holds.
  std::uint64_t bytes = 0;
  std::uint32_t partitions = 0;  ///< Replicas it holds.
  std::vector<Leadership> leads;
  std::uint64_t token = 0;  ///< What the last Challenge from this broker to this incarnation holds; 0: none came.
  WorkerLoad load;
  Stamps stamps;
  bool operator==(const Hello&) const = default;

  MapVersion map_number() const { return {map_epoch, map_version}; }
};

/// The broker's answer to a hello that it takes.
struct Welcome {
  BootNonce broker_nonce;
  Stamps stamps{};
  bool operator==(const Welcome&) const = default;
};

/// The broker's answer to a hello that it does not take; the worker logs it, and stops if it was never welcome
/// anywhere, or if the refusal is final.
struct Refused {
  std::string reason;
  BootNonce
      nonce{};  ///< The incarnation that is refused: what reaches a later one is none of its business.  0: whoever.
  bool is_final = false;  ///< Another live worker was seen in its place.
  bool operator==(const Refused&) const = default;
};

/// Two incarnations claim one place: is this one alive?  It says hello at once, with the token.  What a connection
/// still held of an incarnation that has ended does not answer.
struct Challenge {
  BootNonce nonce;  ///< The incarnation that is asked.
  std::uint64_t token = 0;
  bool operator==(const Challenge&) const = default;
};

/// All listed workers are connected and empty: the first of them makes the map.
struct Form {
  ClusterSpec spec;
};

/// Every member holds the map of this version: its maker marks it formed.
struct AllHold {
  ClusterId cluster;
  std::uint64_t map_version = 0;
  bool operator==(const AllHold&) const = default;
};

/// An empty worker wants to be a member: for the leader of partition 0, which changes the map.  It counts only while
/// the map is the one that the worker knew when it said so: what comes later is of a time before that worker was a
/// member, and was perhaps removed.
struct JoinWanted {
  WorkerId id;
  BootNonce nonce;
  std::string address;
  std::string zone{};  ///< As in its hello,
  MapVersion map;      ///< as is this.
  bool operator==(const JoinWanted&) const = default;
};

/// The answer where it cannot be, or not yet, with why; where it can be, the map says so.
struct JoinRefused {
  BootNonce nonce;  ///< The nonce of the worker that wants to join.
  std::string reason;
  bool operator==(const JoinRefused&) const = default;
};

/// A kRequest's kind: what its body is.
enum class RequestKind : std::uint8_t {
  /// What is told of one command, on one key or a partition (command_body() of protocol/command.hpp).  Which command,
  /// and the id that its reply carries, are in the header.
  kCommand = 1,
  kBatch = 2,  ///< A packed array of [index, command, arguments] or [index, command, arguments, options]: the items of
               ///< one partition, each with its position in the client's BATCH.
  kCluster = 3,  ///< A client's request frame: a command about the cluster, for the leader of partition 0.
  kReads = 4,  ///< Reads of several partitions that its receiver leads, all or none (protocol/cluster/joint_reads.hpp).
};

/// How reads in a request are to be answered.
enum class ReadMode : std::uint8_t {
  kLinearizable = 1,  ///< By the leader, after its leadership was confirmed.
  kStale = 2,         ///< By whoever is asked, from what it has applied.
  kBestEffort = 3,    ///< There is no majority: from what it has applied, with its applied index for comparison.
  kChecked = 4,       ///< By the leader, at once; the broker has others confirm that its reply's term is the highest.
};

/// One request for one partition.  Writes always carry a session: the client's, or the broker's own.
struct WorkerRequest {
  static constexpr std::size_t kHeaderSize = 73;  ///< But for the session.

  std::uint64_t tag = 0;      ///< The broker's; comes back in the reply,
  std::uint32_t attempt = 0;  ///< as does the number of the attempt: "not applied" is said of that one alone.
  PartitionId partition;
  RequestKind kind = RequestKind::kCommand;
  Command command = Command::kGet;  ///< kCommand, as is
  std::uint64_t id = 0;             ///< this: the client's; 0 for a part of what it asked.
  ReadMode mode = ReadMode::kLinearizable;
  bool broker_session = false;  ///< The session is the broker's: `floor` counts.
  bool has_floor = false;  ///< The session is a client's that says floors: `floor` counts.  Never with broker_session.
  std::string session;     ///< Empty for reads.
  std::uint64_t seq = 0;
  std::uint64_t floor = 0;       ///< Where it counts: no seq below is sent again.
  std::uint32_t timeout_ms = 0;  ///< What is left of the deadline: beyond it nobody waits.
  /// KEYS and SCAN: the page ends at this size (0: kPageSizeMax).  kBatch: reads, but for the first result, that would
  /// take the reply beyond it get RESOURCE_EXHAUSTED (0: no bound).
  std::uint32_t page_bytes = 0;
  /// Stamps::sent of the latest hello that the broker had heard when it sent this: what a worker finds after it stood
  /// still was sent before it woke, if this is from before.
  std::uint64_t heard = 0;
  /// Whose request it is, as a number of its broker's own: clients take turns.  0: nobody's.
  std::uint32_t client = 0;
  /// kChecked: the configuration of its leader that the broker knows, whose voters it asks.  A leader that has another
  /// one by now asks for itself.
  LogIndex configuration;
  /// A worker fell silent with it: reads that would take more than Partition::kSuspectEffort are refused.
  bool is_suspect = false;
  Frame body;
};

/// The number of a moment in a broker's incarnation, from 1 on; 0: none.
using ReadContext = std::uint64_t;

/// Its receiver is to say, under this read context, which term of these partitions it knows.
struct LeadershipQuestion {
  BootNonce broker;
  ReadContext read_context = 0;
  std::vector<PartitionId> partitions;
};

/// The answer: what it knew after it was asked.
struct LeadershipAnswer {
  BootNonce broker;
  ReadContext read_context = 0;
  struct Known {
    PartitionId partition;
    ReplicaId replica;  ///< That its sender holds.
    Term term;
    bool operator==(const Known&) const = default;
  };
  std::vector<Known> terms;
};

/// What became of a request.
enum class Outcome : std::uint8_t {
  kDone = 1,            ///< The body is the reply, as the client gets it (for kBatch: see WorkerReply::body).
  kNotLeader = 2,       ///< Not applied; `leader` is where to go, if known.
  kBusy = 3,            ///< Not applied; a queue is full.
  kUnknown = 4,         ///< Perhaps applied: leadership was lost.  Send it again under the same session and seq.
  kWrongPartition = 5,  ///< Not applied; the worker holds no replica of it (or has no such map yet).
  kDiskFull = 6,        ///< Not applied: it would grow what a majority of the partition's workers has no room for.
};

struct WorkerReply {
  static constexpr std::size_t kHeaderSize = 50;

  std::uint64_t tag = 0;
  std::uint32_t attempt = 0;
  Outcome outcome = Outcome::kDone;
  PartitionId partition;
  WorkerId leader;   ///< With kNotLeader; 0: unknown.
  Term term;         ///< The replica's current term.
  LogIndex applied;  ///< What the replica has applied: the highest is the freshest.
  /// It needs no leadership check: a write, or a read whose leader has asked its peers.
  bool is_confirmed = false;
  LogIndex configuration;    ///< The one in force: its voters count for the leadership check.
  std::uint32_t client = 0;  ///< As in the request.  It is not sent: replies to clients leave in turn.
  /// kCommand: a reply frame `[1, id, status, result, info]`.  kBatch: a packed array of `[index, status, result,
  /// info]`.  kReads: the same behind its leaders' terms (protocol/cluster/joint_reads.hpp).
  Frame body;
};

void add(BundleWriter& bundle, const Hello& message);
void add(BundleWriter& bundle, const Welcome& message);
void add(BundleWriter& bundle, const Refused& message);
void add(BundleWriter& bundle, const Challenge& message);
void add(BundleWriter& bundle, const Form& message);
void add_map_wanted(BundleWriter& bundle);
void add_map_offer(BundleWriter& bundle, const ClusterMap& map);
void add(BundleWriter& bundle, const AllHold& message);
void add(BundleWriter& bundle, const JoinWanted& message);
void add(BundleWriter& bundle, const JoinRefused& message);
void add(BundleWriter& bundle, const WorkerRequest& message);
void add(BundleWriter& bundle, const WorkerReply& message);
/// The header alone, where the body travels in bulk.
std::string pack_header(const WorkerRequest& message);
std::string pack_header(const WorkerReply& message);
void add(BundleWriter& bundle, const LeadershipQuestion& message);
void add(BundleWriter& bundle, const LeadershipAnswer& message);

/// Each reads the item of its type.  Errors: kInvalidArgument (outside bytes: a peer's are as little trusted as a
/// client's).
Result<Hello> read_hello(const BundleItem& item);
Result<Welcome> read_welcome(const BundleItem& item);
Result<Refused> read_refused(const BundleItem& item);
Result<Challenge> read_challenge(const BundleItem& item);
Result<Form> read_form(const BundleItem& item);
Result<ClusterMap> read_map_offer(const BundleItem& item);
Result<AllHold> read_all_hold(const BundleItem& item);
Result<JoinWanted> read_join_wanted(const BundleItem& item);
Result<JoinRefused> read_join_refused(const BundleItem& item);
Result<WorkerRequest> read_worker_request(const BundleItem& item);
Result<WorkerReply> read_worker_reply(const BundleItem& item);
Result<LeadershipQuestion> read_leadership_question(const BundleItem& item);
Result<LeadershipAnswer> read_leadership_answer(const BundleItem& item);

}  // namespace trellis
