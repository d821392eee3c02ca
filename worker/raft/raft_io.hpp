// RaftIo: libraft's I/O callbacks, carried over to the log store and the network of a ReplicaHost.
//
// The library calls back into itself at the worst of moments, so nothing is completed inside a callback: requests are
// kept here and completed by the replica once the library's own call has returned (finish_sends, finish_durable, ...).
// Rules kept here (docs/libraft.md): R3 (answers are clamped), R7 (messages are capped), and that no message leaves
// before term and vote are durable.
//
// Loop thread only.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "worker/raft/host.hpp"
#include "worker/raft/library.hpp"
#include "worker/raft/log_records.hpp"

namespace trellis {

class RaftIo {
 public:
  /// One AppendEntries carries at most so many pieces (ReplicaSettings), and entries; a larger backlog goes in several
  /// (R7: the library itself knows no limit, and would send a whole log at once).
  static constexpr std::size_t kAppendPiecesMax = 16;
  static constexpr unsigned kAppendEntriesMax = 2048;

  RaftIo(PartitionId group, ReplicaHost& host, ReplicaOwner& owner, struct raft& raft);
  RaftIo(const RaftIo&) = delete;
  RaftIo& operator=(const RaftIo&) = delete;

  struct raft_io* handle() {
    return &io_;
  }

  // The library's entry points, handed over when it starts.
  void tick() { tick_(&io_); }
  void receive(struct raft_message* message) { receive_(&io_, message); }

  std::size_t append_size_max = 0;
  bool raises_lone_term = true;  ///< False: in the simulator, to see whether that is noticed.
  /// What load() found wrong, for people.
  const std::optional<Error>& load_error() const { return load_error_; }
  /// The entry with the configuration that the loaded snapshot holds; without a snapshot, the first.
  std::uint64_t snapshot_configuration() const { return snapshot_ ? snapshot_->configuration_index : 1; }
  /// What the store's hint says is committed; 0: nothing known.
  std::uint64_t commit_hint() const { return commit_hint_; }
  void collect_commit_hint();

  /// R2: while an append or a snapshot is not durable, elections and votes must not see it.
  bool is_gated() const { return !appends_.empty() || !puts_.empty(); }
  bool is_putting() const { return !puts_.empty(); }
  BatchNumber hard_state_batch() const { return hard_state_batch_; }

  /// How an AppendEntries may be answered.
  struct Answer {
    std::uint64_t limit;  ///< R3: what it allows to be acknowledged: its previous index plus its entries.
    bool is_piece;
    bool is_followed;  ///< The next piece's answer says as much, and will come.
  };
  void begin_answer(Answer answer) { answer_ = answer; }
  void end_answer() { answer_.reset(); }

  // To be called when no call of the library is under way.
  void finish_sends();
  void apply_caps();
  /// Completes one append or snapshot that has become durable; false where there is none, or no room for it in this
  /// turn.
  bool finish_durable();
  void finish_reads();
  /// Whether completions wait that need no further write.
  bool has_reads() const { return !gets_.empty(); }

  /// The background write of a snapshot (io->async_work).  The library's own part of it runs here, on the loop's
  /// thread, once the job is done.
  bool has_work() const { return work_.request != nullptr; }
  void finish_work_of_library();
  std::function<void()> on_work;  ///< Called when the library asks for it.

  /// Bytes of the log behind the last snapshot, with the library's own cost of about 200 bytes an entry.
  std::uint64_t log_bytes() const { return log_bytes_; }
  void recount_log();
  /// Bytes of memory that the library's log takes, what is kept behind a snapshot included.  Of a long one an even
  /// sample is looked at.
  std::uint64_t log_memory() const;

 private:
  struct Append {
    struct raft_io_append* request;
    raft_io_append_cb done;
    std::optional<Answer> answer;
    BatchNumber batch;
  };
  struct Put {
    struct raft_io_snapshot_put* request;
    raft_io_snapshot_put_cb done;
    std::string descriptor;
    bool replaces_log;  ///< It is installed.
    BatchNumber batch;
  };
  struct Get {
    struct raft_io_snapshot_get* request;
    raft_io_snapshot_get_cb done;
  };
  struct Work {
    struct raft_io_async_work* request = nullptr;
    raft_io_async_work_cb done = nullptr;
  };
  struct Sent {
    struct raft_io_send* request;
    raft_io_send_cb done;
  };
  struct Cap {
    raft_id peer;
    raft_index next;
  };
  /// A follower that is behind: where the last two capped messages to it ended, in the term in which they were sent.
  struct Behind {
    raft_id peer;
    raft_term term;
    raft_index earlier;
    raft_index later;
  };

  static RaftIo& self(struct raft_io* io) { return *static_cast<RaftIo*>(io->impl); }

  int load(raft_term* term, raft_id* vote, struct raft_snapshot** snapshot, raft_index* start,
           struct raft_entry** entries, size_t* count);
  Result<void> load_records(raft_term* term, raft_id* vote, struct raft_snapshot** snapshot, raft_index* start,
                            std::vector<struct raft_entry>& entries);
  Result<void> raise_term_of_lone_voter(const std::vector<struct raft_entry>& entries, raft_term* term, raft_id* vote);
  int send(struct raft_io_send* request, const struct raft_message* message, raft_io_send_cb done);
  bool is_said_later(const struct raft_message& message) const;
  void fill_append(RaftMessage& out, const struct raft_message& message);
  struct raft_progress* progress_of(raft_id peer);
  bool has_enough_under_way(raft_id peer);
  void note_capped(raft_id peer, raft_index end);
  int append(struct raft_io_append* request, const struct raft_entry* entries, unsigned count, raft_io_append_cb done);
  int truncate(raft_index index);
  int put_snapshot(unsigned trailing, struct raft_io_snapshot_put* request, const struct raft_snapshot* snapshot,
                   raft_io_snapshot_put_cb done);
  void put_hard_state();
  void finish_work(int status);
  void close(raft_io_close_cb done);

  PartitionId group_;
  ReplicaHost& host_;
  ReplicaOwner& owner_;
  struct raft& raft_;
  struct raft_io io_ {};
  raft_io_tick_cb tick_ = nullptr;
  raft_io_recv_cb receive_ = nullptr;

  HardState hard_state_;
  BatchNumber hard_state_batch_ = 0;
  std::optional<records::SnapshotRecord> snapshot_;  ///< The newest that is durable.
  records::SnapshotRecord putting_;                  ///< The one under way.
  std::uint64_t commit_hint_ = 0;
  std::uint64_t first_index_ = 1;  ///< The index of the first entry in the store.
  std::uint64_t log_bytes_ = 0;

  std::deque<Append> appends_;
  std::deque<Put> puts_;
  std::vector<Get> gets_;
  Work work_;  ///< The snapshot being written in the background, if any.
  std::vector<Sent> sent_;
  std::vector<Cap> caps_;
  std::vector<Behind> behind_;
  std::optional<Answer> answer_;
  std::optional<Error> load_error_;
};

}  // namespace trellis
