// Snapshots of a replica: when one is due, how it is taken beside the log, and how one takes the state's place.
#include <algorithm>
#include <cstring>

#include "protocol/check.hpp"
#include "worker/raft/replica_library.hpp"

namespace trellis {
namespace {

constexpr std::uint64_t kOverdueAfter = 4;  ///< Times the log after which a snapshot is due.
/// At rest a log may take so much of what the state takes, and of the log after which a snapshot is due otherwise.
constexpr std::uint64_t kRestShare = 8;
constexpr std::uint64_t kRestShareOfDue = 256;

}  // namespace

int Replica::Library::freeze(struct raft_buffer** buffers, unsigned* count) {
  // R5: a snapshot must not hold a configuration that may still be rolled back.
  const bool may_roll_back = raft.configuration_uncommitted_index != 0 && !replica.settings_.omitted.configurations;
  if (may_roll_back || replica.closing_) return RAFT_BUSY;
  job = replica.owner_.freeze({raft.last_applied}, {term_at(raft, raft.last_applied)});
  if (job == nullptr) return RAFT_BUSY;  // Asked again at the next entry.
  raft_set_snapshot_threshold(&raft, kNoSnapshot);
  // What stays of the log behind the snapshot, by bytes.
  std::uint64_t bytes = 0;
  unsigned tail = 1;  // 0 would mean: replace everything.
  const std::uint64_t tail_bytes = replica.keeps_tail_ ? replica.settings_.tail_bytes : 0;
  for (raft_index i = raft.last_applied; bytes < tail_bytes; --i, ++tail) {
    const struct raft_entry* entry = entry_at(raft, i);
    if (entry == nullptr) break;
    bytes += entry->buf.len + 200;
  }
  raft_set_snapshot_trailing(&raft, tail);
  descriptor.reset();
  *buffers = static_cast<struct raft_buffer*>(raft_calloc(1, sizeof(struct raft_buffer)));
  CHECK(*buffers != nullptr);
  *count = 1;
  return 0;
}

/// Called by the library, on the loop's thread, when the job is done: see Replica::start_snapshot_job.
int Replica::Library::fill_descriptor(struct raft_buffer* buffers) {
  if (!descriptor || !*descriptor) return RAFT_IOERR;
  const std::string& bytes = **descriptor;
  buffers[0].base = raft_malloc(std::max<std::size_t>(bytes.size(), 1));
  CHECK(buffers[0].base != nullptr);
  buffers[0].len = bytes.size();
  std::memcpy(buffers[0].base, bytes.data(), bytes.size());
  return 0;
}

int Replica::Library::finalize(struct raft_buffer** buffers, unsigned* count) {
  if (*buffers != nullptr) {
    raft_free((*buffers)[0].base);
    raft_free(*buffers);
  }
  *buffers = nullptr;
  *count = 0;
  job.reset();
  descriptor.reset();
  return 0;
}

int Replica::Library::restore(struct raft_buffer* buffer) {
  const std::string bytes(static_cast<const char*>(buffer->base), buffer->len);
  if (replica.closing_) return RAFT_SHUTDOWN;
  if (replica.is_reopening_) {  // The owner's state is newer.
    raft_free(buffer->base);
    return 0;
  }
  const auto restored = replica.owner_.restore(bytes);
  if (!restored) {
    replica.fail("snapshot: " + restored.error().message);
    return RAFT_CORRUPT;  // The buffer stays the library's.
  }
  raft_free(buffer->base);
  return 0;
}

bool Replica::is_snapshotting() const {
  return library_->raft.snapshot.pending.term != 0 || library_->raft.snapshot.put.data != nullptr;
}

bool Replica::is_snapshot_worthwhile(std::uint64_t state_bytes, bool keeps_tail) const {
  const std::uint64_t stays = keeps_tail ? settings_.tail_bytes : 0;
  return !is_snapshotting() && library_->io.log_bytes() >= state_bytes + stays;
}

bool Replica::is_snapshot_worth_rest(std::uint64_t state_bytes, bool keeps_tail) const {
  const std::uint64_t most = std::max(state_bytes / kRestShare, settings_.snapshot_log_bytes / kRestShareOfDue);
  const std::uint64_t stays = keeps_tail ? settings_.tail_bytes : 0;
  return !is_snapshotting() && library_->io.log_bytes() >= most + stays;
}

bool Replica::are_voters_level() const {
  if (!is_leader()) return true;
  const std::vector<ReplicaPlace> places = voters();
  return std::all_of(places.begin(), places.end(), [this](const ReplicaPlace& voter) {
    return voter.id == settings_.self.id || match_index(voter.id) >= last_index();
  });
}

bool Replica::is_snapshot_due(std::uint64_t state_bytes) const {
  return !is_snapshotting() && library_->io.log_bytes() >= std::max(settings_.snapshot_log_bytes, state_bytes);
}

std::uint64_t Replica::log_memory() const { return library_->io.log_memory(); }

bool Replica::is_snapshot_overdue(std::uint64_t state_bytes) const {
  return library_->io.log_bytes() >= kOverdueAfter * std::max(settings_.snapshot_log_bytes, state_bytes);
}

void Replica::take_snapshot(bool keeps_tail) {
  keeps_tail_ = keeps_tail;
  raft_set_snapshot_threshold(&library_->raft, 1);
}

bool Replica::can_install() const { return !is_snapshotting() && !library_->io.is_gated() && inbox_.empty(); }

/// The library asks for background work: its snapshot_async would fill in the descriptor.  The job alone runs off the
/// loop; the library's own functions run here, once it is done.
void Replica::start_snapshot_job() {
  const std::weak_ptr<int> alive = alive_;
  const std::shared_ptr<SnapshotJob> job = library_->job;
  auto outcome = std::make_shared<std::optional<Result<std::string>>>();
  host_.run_in_background([job, outcome] { outcome->emplace(job->write()); },
                          [this, alive, outcome] {
                            if (alive.expired() || !library_->io.has_work()) return;
                            if (!**outcome) owner_.on_snapshot_failed((*outcome)->error());
                            library_->descriptor = std::move(*outcome);
                            library_->io.finish_work_of_library();
                            after_call();
                          });
}

}  // namespace trellis
