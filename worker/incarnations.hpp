// Incarnations: which start of a worker speaks, and whether its folder is as new as what was heard of it before.
//
// Whoever puts back an older copy of a worker's folder (a disk image, say) takes back votes and acknowledgements that
// others have counted on: acknowledged writes are lost, and nobody sees it.  So workers keep for each other what the
// folder cannot be asked:
//
//   - each start has a number, one higher than the last, and a nonce.  Both are in its folder before it says a word,
//     and peers keep, durably, the last start of it that they have listened to;
//   - of each replica they keep the highest term and entry that it promised to hold, and whether it voted for them.  A
//     worker that had several of a group, one after the other, answers for the last.
//
//   X starts                              P, a peer
//     ── arrival (challenge) ──────────▶
//     ◀── known (answers it; challenge,   what P keeps of X
//         last start, promises)
//   less in the folder: X stops
//     ── proof (answers P's challenge) ▶  P keeps this start of X; once that is durable it listens to it
//
// X checks itself, and P listens to no start that has not proven itself; so an older copy takes part with nobody who
// knows better.  A challenge reaches only whoever is at the member's own address: no stranger can stop a worker, or be
// taken for one.  X takes part in a group once all peers of it have told what they know, or a majority (itself
// included) has and the others have been silent for as long as it takes to call a worker down.
//
// X proves itself to nobody before all members of the cluster have told, or have been silent for so long.  A peer that
// keeps a start of an older copy refuses the right folder for good, and another member may tell a moment later that the
// copy is too old.
//
// What cannot be noticed: an older copy, while all that knew better are down.  Numbers of starts are durable before
// they count; promises are written down within a second, in batches that are written anyway, so a copy that is younger
// than that may pass unnoticed where its peer lost power as well.
//
// Loop thread only; pure but for the log store.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/limits.hpp"
#include "worker/peer_messages.hpp"
#include "worker/raft/host.hpp"

namespace trellis {

/// Who may know what a replica promised before: the voters of its own log, and whom the map names for the group, since
/// that log may be late, and name some that are no members of the cluster any more and will never tell.
std::vector<WorkerId> witnesses_of(const ClusterMap& map, PartitionId group, const std::vector<ReplicaPlace>& voters);

/// How handshakes leave; what is said may be lost.
class IncarnationsOutput {
 public:
  virtual ~IncarnationsOutput() = default;
  virtual void say_to_peer(WorkerId peer, PeerMessageType type, const std::string& header) = 0;
};

class Incarnations {
 public:
  /// Who has not told what it knows is asked again after this.
  static constexpr Duration kAskEvery = kHeartbeatInterval;
  /// A peer that has said nothing for so long after this worker's start is taken for down.
  static constexpr Duration kPeersWithin = kDownAfter;
  /// What peers promised is written down so often.
  static constexpr Duration kKeepEvery = std::chrono::seconds(1);
  /// A folder remembers so many of its own starts.
  static constexpr std::uint64_t kStartsMax = 65'536;

  /// For the simulator: rules that are left out.
  struct Omitted {
    bool all = false;     ///< Everybody is listened to, and no copy is too old.
    bool proofs = false;  ///< A start is proven to each peer that has told, whoever has not.
  };

  Incarnations(BootNonce nonce, TimePoint now, Omitted omitted) : nonce_(nonce), started_(now), omitted_(omitted) {}

  /// Reads what the store holds, and collects the number of this start.  Error: damaged records.
  Result<void> load(LogStore& store, const RandomSource& random);
  /// The number of this start, from 1 on; 0: not loaded.
  std::uint64_t number() const { return number_; }

  /// What a replica held when it was opened: whom it voted for in its term (WorkerId{}: nobody; nothing: somebody who
  /// is no member any more, or not yet, by its own log), and as a promise its term and last entry.
  void on_opened(PartitionId group, std::optional<WorkerId> vote, Promise held);
  /// No replica of the group is here any more; the last one that was deleted here.
  void on_deleted(PartitionId group, ReplicaId deleted);

  /// A bundle begins: whether what it holds counts.  If not, its handshakes still do.
  bool listens_to(const Speaker& speaker, TimePoint now, IncarnationsOutput& output);
  /// One of the four handshakes.
  void on_handshake(const Speaker& from, PeerMessageType type, std::string_view header, LogStore& store,
                    BatchNumber collecting, IncarnationsOutput& output);
  void on_durable(BatchNumber durable) { durable_ = durable; }
  /// Asks the members that have not told yet, proves this start to those that have; writes down promises that are due.
  void tick(const ClusterMap& map, WorkerId self, TimePoint now, LogStore& store, IncarnationsOutput& output);

  /// Whether this worker may vote and acknowledge in a group of these workers: all have told, or after kPeersWithin a
  /// majority.
  bool may_take_part(const std::vector<WorkerId>& replicas, WorkerId self, TimePoint now) const;

  /// Whether any peer is there that knows this worker.
  bool has_been_told() const;

  /// A replica of a peer promised this.
  void on_promise(WorkerId peer, PartitionId group, const Promise& promise);

  /// Why this worker must not go on: its folder is an older copy.  For people.
  const std::optional<std::string>& older_copy() const { return older_copy_; }
  /// Bundles that were dropped, since another start of their sender has the place or theirs was not proven yet.
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Peer {
    std::uint64_t number = 0;  ///< Its last start that has proven itself; 0: none.
    BootNonce nonce;
    BatchNumber kept_with = 0;    ///< It counts once this batch is durable.
    std::uint64_t challenge = 0;  ///< What this worker has asked it to repeat.
    std::optional<TimePoint> challenged_at;
    std::unordered_map<PartitionId, Promise> promises;
    std::set<PartitionId> unkept;       ///< Promises that are not in the store yet.
    bool has_told = false;              ///< What it knows of this worker, and that was fine.
    std::optional<std::uint64_t> asks;  ///< It waits for this challenge to be answered.
  };
  struct Opened {
    std::optional<WorkerId> vote;
    Promise held;
  };

  Peer& peer(WorkerId id);
  void ask(const ClusterMap& map, WorkerId self, TimePoint now, IncarnationsOutput& output);
  void prove(const ClusterMap& map, WorkerId self, TimePoint now, IncarnationsOutput& output);
  void keep_promises(TimePoint now, LogStore& store);
  Result<void> load_starts(LogStore& store);
  Result<void> load_peers(LogStore& store);
  void on_arrival(WorkerId from, std::uint64_t challenge, IncarnationsOutput& output);
  void on_known(WorkerId from, const Known& known);
  void on_proof(const Speaker& from, std::uint64_t challenge, LogStore& store, BatchNumber collecting);
  /// What the peer knows and this folder does not; nothing where it is as it was last.
  std::optional<std::string> lack(WorkerId from, const Known& known) const;

  BootNonce nonce_;
  TimePoint started_;
  Omitted omitted_;
  RandomSource random_;
  std::uint64_t number_ = 0;
  std::map<std::uint64_t, BootNonce> starts_;  ///< The starts of this folder, this one included.
  std::map<PartitionId, Opened> opened_;
  std::map<WorkerId, Peer> peers_;
  BatchNumber durable_ = 0;
  std::optional<TimePoint> asked_at_;
  TimePoint kept_at_;
  std::optional<std::string> older_copy_;
  std::uint64_t dropped_ = 0;
};

}  // namespace trellis
