#include "worker/snapshot/snapshot_transfer.hpp"

#include <algorithm>

#include "worker/raft/log_records.hpp"

namespace trellis {

void SnapshotReceiver::on_install(Partition& partition, RaftMessage message, PartitionHost& host, TimePoint now) {
  const auto record = records::read_snapshot_record(message.body.bytes());
  const auto descriptor = record ? read_snapshot_descriptor(record->descriptor) : Result<SnapshotDescriptor>(Error{});
  if (!descriptor || descriptor->partition != partition.id() || descriptor->index.value != record->index ||
      descriptor->term.value != record->term) {
    return host.report(LogLevel::kWarning,
                       "a broken InstallSnapshot from worker " + to_string(message.from.worker) +
                           " was dropped; do all workers run the same version of Trellis?",
                       partition.id());
  }
  // Installed before, or overtaken by the log: the library answers that by itself, and no file need be fetched.
  if (record->index <= partition.replica().applied().value) return partition.on_raft_message(std::move(message));
  const auto under_way = fetches_.find(partition.id());
  if (under_way != fetches_.end() && under_way->second->packed_descriptor == record->descriptor) {
    under_way->second->message = std::move(message);  // Asked again: the term may have grown.
    return;
  }
  // A newer snapshot of the same partition replaces the one under way; another partition waits its turn.
  if (under_way == fetches_.end() && fetches_.size() >= host.move_limits().moves) {
    waiting_.insert_or_assign(partition.id(), std::move(message));
    return;
  }
  if (under_way != fetches_.end()) {
    if (under_way->second->is_reading) return;
    fetches_.erase(under_way);
  }
  waiting_.erase(partition.id());
  auto fetch = std::make_shared<Fetch>();
  fetch->group = partition.id();
  fetch->packed_descriptor = record->descriptor;
  fetch->descriptor = *descriptor;
  fetch->message = std::move(message);
  fetch->begun = fetch->progress_at = fetch->heard_at = now;
  if (partition.holds_for_install(fetch->packed_descriptor)) {
    fetch->is_reading = fetch->is_ready = true;
    fetches_[partition.id()] = std::move(fetch);
    return;
  }
  auto sink = host.snapshot_store().create(descriptor->name);
  if (!sink) {
    std::string& problem = problems_[partition.id()];
    problem =
        "cannot receive a snapshot: " + sink.error().message + "; is there room left on the disk of the data folder?";
    return host.report(LogLevel::kWarning, problem, partition.id());
  }
  fetch->sink = std::move(*sink);
  fetches_[partition.id()] = fetch;
  ask(*fetch, host, now);
}

void SnapshotReceiver::ask(Fetch& fetch, PartitionHost& host, TimePoint now) {
  if (waits_for_disk(fetch)) return;  // Asked again once that is over.
  fetch.asked_at = now;
  const std::uint64_t end = std::min(fetch.descriptor.size, fetch.received + kWindow);
  while (fetch.asked < end) {
    const auto size =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(kChunkSize, fetch.descriptor.size - fetch.asked));
    host.want_chunk(fetch.message.from.worker, {fetch.group, fetch.descriptor.name, fetch.asked, size});
    fetch.asked += size;
  }
}

void SnapshotReceiver::on_chunk(WorkerId from, const Chunk& chunk, const Frame& bytes, PartitionHost& host,
                                TimePoint now) {
  const auto at = fetches_.find(chunk.group);
  if (at == fetches_.end()) return;
  const FetchPointer under_way = at->second;
  Fetch& fetch = *under_way;
  if (fetch.is_reading || fetch.descriptor.name != chunk.name || fetch.message.from.worker != from) return;
  if (bytes.empty()) return give_up(fetch, host, "its sender has it no more");
  // Pieces come in order; behind a lost one all are asked for again.
  if (chunk.offset != fetch.received) return;
  if (bytes.size() > fetch.descriptor.size - fetch.received) return give_up(fetch, host, "it is larger than announced");
  if (auto written = fetch.sink->write(bytes.bytes()); !written) return give_up(fetch, host, written.error().message);
  fetch.received += bytes.size();
  fetch.unsynced += bytes.size();
  fetch.asked = std::max(fetch.asked, fetch.received);
  // A piece that had to be asked for again says nothing of how long pieces take.
  if (fetch.asked_at <= fetch.progress_at) {
    fetch.patience = std::clamp<Duration>(4 * (now - fetch.progress_at), fetch.patience, kAskAgainAfterMax);
  }
  fetch.progress_at = now;
  if (fetch.received == fetch.descriptor.size) return read_in_background(under_way, host);
  sync_in_background(under_way, host);
  ask(fetch, host, now);
}

bool SnapshotReceiver::is_current(const FetchPointer& fetch) const {
  const auto at = fetches_.find(fetch->group);
  return at != fetches_.end() && at->second == fetch;
}

/// What has come since the last time, once that is enough.
void SnapshotReceiver::sync_in_background(const FetchPointer& under_way, PartitionHost& host) {
  if (under_way->is_syncing || under_way->unsynced < sync_every_) return;
  under_way->is_syncing = true;
  under_way->unsynced = 0;
  auto synced = std::make_shared<Result<void>>();
  const std::weak_ptr<Fetch> weak = under_way;
  host.run_in_background([sink = under_way->sink, synced] { *synced = sink->sync(); },
                         [this, weak, synced, &host] {
                           const auto fetch = weak.lock();
                           if (!fetch || !is_current(fetch)) return;
                           fetch->is_syncing = false;
                           if (!*synced) return give_up(*fetch, host, synced->error().message);
                           if (fetch->is_reading) return;
                           fetch->progress_at = host.now();
                           sync_in_background(fetch, host);
                           ask(*fetch, host, host.now());
                         });
}

void SnapshotReceiver::read_in_background(const FetchPointer& under_way, PartitionHost& host) {
  under_way->is_reading = true;
  struct Outcome {
    std::optional<StateMachine> state;
    Error error;
  };
  auto outcome = std::make_shared<Outcome>();
  const std::shared_ptr<SnapshotSink> sink = std::move(under_way->sink);
  const std::weak_ptr<Fetch> weak = under_way;
  const SessionLimits limits = host.find_partition(under_way->group)->session_limits();
  host.run_in_background(
      [sink, outcome, limits, descriptor = under_way->descriptor, &store = host.snapshot_store()] {
        if (auto committed = sink->commit(); !committed) {
          outcome->error = committed.error();
          return;
        }
        auto state = read_snapshot(descriptor, store, limits);
        if (state) {
          outcome->state.emplace(std::move(*state));
        } else {
          outcome->error = state.error();
        }
      },
      [this, weak, outcome, &host] {
        const auto fetch = weak.lock();
        if (!fetch || !is_current(fetch)) return;
        Partition* partition = host.find_partition(fetch->group);
        if (!outcome->state || partition == nullptr) return give_up(*fetch, host, outcome->error.message);
        partition->hold_for_install(fetch->packed_descriptor, std::move(*outcome->state));
        fetch->is_ready = true;
        host.on_snapshot_fetched(host.now() - fetch->begun);
        deliver_one(fetch, host);
      });
}

/// Those under way, as of now: what is done about one may end it, and begin another.
std::vector<SnapshotReceiver::FetchPointer> SnapshotReceiver::all() const {
  std::vector<FetchPointer> all;
  for (const auto& [group, fetch] : fetches_) all.push_back(fetch);
  return all;
}

void SnapshotReceiver::deliver(PartitionHost& host) {
  if (fetches_.empty()) return;
  for (const FetchPointer& fetch : all()) deliver_one(fetch, host);
}

void SnapshotReceiver::deliver_one(const FetchPointer& fetch, PartitionHost& host) {
  if (!fetch->is_ready) return;
  Partition* partition = host.find_partition(fetch->group);
  if (partition != nullptr && !partition->replica().can_install()) return;
  fetches_.erase(fetch->group);
  problems_.erase(fetch->group);
  if (partition == nullptr) return begin_next(host);
  host.report(LogLevel::kInfo, "installing the snapshot at entry " + std::to_string(fetch->descriptor.index.value),
              fetch->group);
  partition->on_raft_message(fetch->message);
  host.wake(fetch->group);
  begin_next(host);
}

void SnapshotReceiver::forget(PartitionId group, PartitionHost& host) {
  waiting_.erase(group);
  problems_.erase(group);
  if (fetches_.erase(group) != 0) begin_next(host);
}

SnapshotReceiver::Progress SnapshotReceiver::progress(PartitionId group) const {
  Progress progress;
  if (const auto at = problems_.find(group); at != problems_.end()) progress.problem = at->second;
  if (const auto at = fetches_.find(group); at != fetches_.end()) {
    progress.size = at->second->descriptor.size;
    progress.received = at->second->received;
  }
  return progress;
}

void SnapshotReceiver::begin_next(PartitionHost& host) {
  while (fetches_.size() < host.move_limits().moves && !waiting_.empty()) {
    auto next = waiting_.extract(waiting_.begin());
    Partition* const partition = host.find_partition(next.key());
    if (partition == nullptr) continue;
    on_install(*partition, std::move(next.mapped()), host, host.now());
    host.wake(partition->id());
  }
}

void SnapshotReceiver::tick(PartitionHost& host, TimePoint now) {
  if (fetches_.empty()) return;
  for (const FetchPointer& fetch : all()) tick_one(fetch, host, now);
}

void SnapshotReceiver::tick_one(const FetchPointer& under_way, PartitionHost& host, TimePoint now) {
  Fetch& fetch = *under_way;
  if (fetch.is_reading) {
    keep_source(fetch, host, now);
    return deliver_one(under_way, host);
  }
  if (waits_for_disk(fetch)) return keep_source(fetch, host, now);
  if (now - std::max(fetch.progress_at, fetch.heard_at) > kSilentAfter) {
    return give_up(fetch, host, "its sender fell silent");
  }
  if (now - fetch.progress_at > kGiveUpAfter) return give_up(fetch, host, "its sender speaks, but sends none of it");
  if (now - std::max(fetch.progress_at, fetch.asked_at) > fetch.patience) {
    fetch.asked = fetch.received;
    return ask(fetch, host, now);
  }
  keep_source(fetch, host, now);
}

/// A request for nothing of the file: who wants to catch up from this snapshot needs the log behind it.
void SnapshotReceiver::keep_source(Fetch& fetch, PartitionHost& host, TimePoint now) {
  if (now - std::max(fetch.progress_at, fetch.kept_at) < kKeepEvery) return;
  fetch.kept_at = now;
  host.want_chunk(fetch.message.from.worker, {fetch.group, fetch.descriptor.name, fetch.descriptor.size, 0});
}

void SnapshotReceiver::give_up(const Fetch& fetch, PartitionHost& host, const std::string& why) {
  std::string& problem = problems_[fetch.group];
  problem = "gave up fetching a snapshot: " + why + "; it is fetched anew when the leader offers it again";
  host.report(LogLevel::kWarning, problem, fetch.group);
  fetches_.erase(PartitionId{fetch.group});
  begin_next(host);
}

namespace {

template <typename Concerns>
void remove_others(SnapshotStore& store, const std::vector<std::string>& descriptors, Concerns concerns) {
  std::vector<std::string> needed;
  for (const std::string& packed : descriptors) {
    if (const auto descriptor = read_snapshot_descriptor(packed)) needed.push_back(descriptor->name);
  }
  const auto names = store.list();
  if (!names) return;
  for (const std::string& name : *names) {
    const bool is_needed = std::find(needed.begin(), needed.end(), name) != needed.end();
    // What cannot be removed now is tried again at the next start.
    if (!is_needed && concerns(name)) static_cast<void>(store.remove(name));
  }
}

}  // namespace

void remove_other_snapshots(SnapshotStore& store, const std::vector<std::string>& descriptors) {
  remove_others(store, descriptors, [](const std::string&) { return true; });
}

void remove_other_snapshots(SnapshotStore& store, PartitionId partition, const std::vector<std::string>& descriptors) {
  remove_others(store, descriptors, [partition](const std::string& name) { return is_snapshot_of(name, partition); });
}

}  // namespace trellis
