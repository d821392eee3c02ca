// Snapshot transfer: the file of a snapshot, from a leader to a replica that is too far behind.
//
// The receiver asks for the file piece by piece (flow control and resumption in one), and holds the InstallSnapshot
// back until the file is fetched, verified, durable and read: the library drops its own log the moment it is given one.
// The sender keeps the file open, and takes no new snapshot, while somebody is fetching.
//
// Pieces travel in bulk (protocol/cluster/bulk.hpp), each of them whole and so in order.  A link may be slow, and a
// piece may wait behind much else: what has arrived tells how long to wait for the next before it is asked for again,
// and a sender that still has a piece waiting does not send it twice.
//
// Invariant: a worker receives as many snapshots at a time as it may receive replicas (MoveLimits); the others wait,
// and the next begins as soon as one has ended.  What is sent for a move keeps to the rate of the cluster's settings
// (snapshot_sender.cpp).  Loop thread only, but for reading and syncing the fetched file, which happen in the
// background: the loop never waits for the disk, and what comes quicker than that takes it is not asked for.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/cluster/bulk.hpp"
#include "worker/partition.hpp"
#include "worker/peer_messages.hpp"
#include "worker/snapshot/pace.hpp"

namespace trellis {

class SnapshotSender {
 public:
  /// A file is kept for so long after it was last asked for.
  static constexpr std::chrono::seconds kLease{5};

  explicit SnapshotSender(const SnapshotStore& store) : store_(store) {}

  /// The piece asked for; empty where the file is not that of `current_descriptor`, nor one still being fetched.
  Frame read(const ChunkWanted& wanted, std::string_view current_descriptor, TimePoint now);
  /// Its receiver has all of it and is not done: the file, and the log behind it, are kept on.
  void keep(const ChunkWanted& wanted, TimePoint now);
  /// Whether somebody is fetching.
  bool is_busy(TimePoint now);

  /// A piece that a peer wants.
  struct Want {
    WorkerId to;
    ChunkWanted piece;
    bool operator==(const Want&) const = default;
  };
  /// So many pieces wait for their time at most; what is beyond is asked for again.
  static constexpr std::size_t kWaitingMax = 1'024;
  /// For a move, and so at the pace of moves: it waits for its turn.
  void put_off(Want want, TimePoint now);
  /// Bytes a second for what is put off; 0: no limit.
  void set_rate(std::uint64_t rate) { pace_.set_rate(rate); }
  /// The next piece that may leave now; nothing where none may, or none waits.
  std::optional<Want> take_due(TimePoint now);
  void on_sent_for_move(std::size_t bytes, TimePoint now) { pace_.on_sent(bytes, now); }
  /// When the next piece may leave; nothing where none waits.
  std::optional<TimePoint> due() const { return waiting_.empty() ? std::nullopt : std::optional(pace_.due()); }

 private:
  struct Open {
    std::unique_ptr<SnapshotSource> source;
    TimePoint used;
  };
  const SnapshotStore& store_;
  std::map<std::string, Open> open_;
  std::deque<Want> waiting_;
  Pace pace_;
};

class SnapshotReceiver {
 public:
  static constexpr std::uint32_t kChunkSize = bulk::kWholeMax;
  static constexpr std::uint64_t kWindow = std::uint64_t{16} * kChunkSize;  ///< Asked for and not yet received.
  /// Without progress it is asked again after four times the longest pause so far, within these bounds.
  static constexpr std::chrono::milliseconds kAskAgainAfter{2'000};
  static constexpr std::chrono::milliseconds kAskAgainAfterMax{10'000};
  static constexpr std::chrono::milliseconds kSilentAfter{10'000};  ///< Nothing at all was heard of the sender.
  static constexpr std::chrono::milliseconds kGiveUpAfter{60'000};  ///< It speaks, and no piece comes.
  /// Its sender hears so often that the file is still needed: while no piece comes, and while it is verified and read.
  static constexpr std::chrono::milliseconds kKeepEvery{1'000};
  static_assert(kKeepEvery * 3 < SnapshotSender::kLease);

  /// @param sync_every  bytes that are synced at a time; while so many are, no more than as many wait
  explicit SnapshotReceiver(std::uint64_t sync_every = kSnapshotSyncEvery) : sync_every_(sync_every) {}

  /// A leader wants a snapshot installed.
  void on_install(Partition& partition, RaftMessage message, PartitionHost& host, TimePoint now);
  void on_chunk(WorkerId from, const Chunk& chunk, const Frame& bytes, PartitionHost& host, TimePoint now);
  /// A peer said something, whatever it was.
  void on_heard(WorkerId peer, TimePoint now) {
    for (auto& [group, fetch] : fetches_) {
      if (fetch->message.from.worker == peer) fetch->heard_at = now;
    }
  }
  void tick(PartitionHost& host, TimePoint now);
  /// Hands what is ready to its replica, as soon as that takes it.
  void deliver(PartitionHost& host);
  /// The replica that it was for is gone.
  void forget(PartitionId group, PartitionHost& host);
  bool is_fetching(PartitionId group) const { return fetches_.contains(group); }

  /// How far a snapshot has come; and, for people, what failed last.
  struct Progress {
    std::uint64_t size = 0;
    std::uint64_t received = 0;
    std::string problem;
  };
  Progress progress(PartitionId group) const;

 private:
  struct Fetch {
    PartitionId group;
    RaftMessage message;  ///< The latest that asked for this file.
    std::string packed_descriptor;
    SnapshotDescriptor descriptor;
    std::shared_ptr<SnapshotSink> sink;
    std::uint64_t unsynced = 0;  ///< Bytes that no sync, done or under way, has taken.
    bool is_syncing = false;
    std::uint64_t received = 0;
    std::uint64_t asked = 0;
    TimePoint begun;
    TimePoint progress_at;
    TimePoint asked_at;
    TimePoint kept_at;  ///< When the sender was last told that the file is still needed.
    TimePoint heard_at;
    Duration patience = kAskAgainAfter;
    bool is_reading = false;  ///< Fetched; the background commits and reads it.
    bool is_ready = false;
  };

  using FetchPointer = std::shared_ptr<Fetch>;

  void ask(Fetch& fetch, PartitionHost& host, TimePoint now);
  void sync_in_background(const FetchPointer& fetch, PartitionHost& host);
  bool is_current(const FetchPointer& fetch) const;
  bool waits_for_disk(const Fetch& fetch) const { return fetch.is_syncing && fetch.unsynced >= sync_every_; }
  void read_in_background(const FetchPointer& fetch, PartitionHost& host);
  void keep_source(Fetch& fetch, PartitionHost& host, TimePoint now);
  void tick_one(const FetchPointer& fetch, PartitionHost& host, TimePoint now);
  void deliver_one(const FetchPointer& fetch, PartitionHost& host);
  void give_up(const Fetch& fetch, PartitionHost& host, const std::string& why);
  void begin_next(PartitionHost& host);
  std::vector<FetchPointer> all() const;

  std::uint64_t sync_every_;
  std::map<PartitionId, FetchPointer> fetches_;
  std::map<PartitionId, std::string> problems_;  ///< Why the last fetch came to nothing.
  std::map<PartitionId, RaftMessage> waiting_;   ///< The latest that each of the other partitions was asked to install.
};

/// Removes all snapshots but those that the descriptors name: what a crash left behind.
void remove_other_snapshots(SnapshotStore& store, const std::vector<std::string>& descriptors);
/// The same, of one partition: what was begun and came to nothing.
void remove_other_snapshots(SnapshotStore& store, PartitionId partition, const std::vector<std::string>& descriptors);

}  // namespace trellis
