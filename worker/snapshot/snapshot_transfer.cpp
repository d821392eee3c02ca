#include "worker/snapshot/snapshot_transfer.hpp"

#include <algorithm>

#include "worker/raft/log_records.hpp"

namespace trellis {

Frame SnapshotSender::read(const ChunkWanted& wanted, std::string_view current_descriptor, TimePoint now) {
  auto at = open_.find(wanted.name);
  if (at == open_.end()) {
    const auto descriptor = read_snapshot_descriptor(current_descriptor);
    if (!descriptor || descriptor->name != wanted.name || descriptor->partition != wanted.group) return {};
    auto source = store_.open(wanted.name);
    if (!source) return {};
    at = open_.emplace(wanted.name, Open{std::move(*source), now}).first;
  }
  at->second.used = now;
  auto bytes = at->second.source->read(wanted.offset, std::min(wanted.size, SnapshotReceiver::kChunkSize));
  return bytes ? Frame(std::move(*bytes)) : Frame();
}

void SnapshotSender::keep(const ChunkWanted& wanted, TimePoint now) {
  if (const auto at = open_.find(wanted.name); at != open_.end()) at->second.used = now;
}

bool SnapshotSender::is_busy(TimePoint now) {
  std::erase_if(open_, [now](const auto& each) { return now - each.second.used > kLease; });
  return !open_.empty();
}

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
  if (fetch_ && fetch_->group == partition.id() && fetch_->packed_descriptor == record->descriptor) {
    fetch_->message = std::move(message);  // Asked again: the term may have grown.
    return;
  }
  // A newer snapshot of the same partition replaces the one under way; another partition waits its turn.
  if (fetch_ && fetch_->group != partition.id()) {
    waiting_.insert_or_assign(partition.id(), std::move(message));
    return;
  }
  if (fetch_ && fetch_->is_reading) return;
  waiting_.erase(partition.id());
  auto fetch = std::make_shared<Fetch>();
  fetch->group = partition.id();
  fetch->packed_descriptor = record->descriptor;
  fetch->descriptor = *descriptor;
  fetch->message = std::move(message);
  fetch->begun = fetch->progress_at = fetch->heard_at = now;
  if (partition.holds_for_install(fetch->packed_descriptor)) {
    fetch->is_reading = fetch->is_ready = true;
    fetch_ = std::move(fetch);
    return;
  }
  auto sink = host.snapshot_store().create(descriptor->name);
  if (!sink) {
    return host.report(
        LogLevel::kWarning,
        "cannot receive a snapshot: " + sink.error().message + "; is there room left on the disk of the data folder?",
        partition.id());
  }
  fetch->sink = std::move(*sink);
  fetch_ = std::move(fetch);
  ask(host, now);
}

void SnapshotReceiver::ask(PartitionHost& host, TimePoint now) {
  Fetch& fetch = *fetch_;
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
  if (!fetch_ || fetch_->is_reading || fetch_->group != chunk.group || fetch_->descriptor.name != chunk.name ||
      fetch_->message.from.worker != from) {
    return;
  }
  Fetch& fetch = *fetch_;
  if (bytes.empty()) return give_up(host, "its sender has it no more");
  // Pieces come in order; behind a lost one all are asked for again.
  if (chunk.offset != fetch.received) return;
  if (bytes.size() > fetch.descriptor.size - fetch.received) return give_up(host, "it is larger than announced");
  if (auto written = fetch.sink->write(bytes.bytes()); !written) return give_up(host, written.error().message);
  fetch.received += bytes.size();
  fetch.asked = std::max(fetch.asked, fetch.received);
  // A piece that had to be asked for again says nothing of how long pieces take.
  if (fetch.asked_at <= fetch.progress_at) {
    fetch.patience = std::clamp<Duration>(4 * (now - fetch.progress_at), fetch.patience, kAskAgainAfterMax);
  }
  fetch.progress_at = now;
  if (fetch.received < fetch.descriptor.size) return ask(host, now);
  read_in_background(host);
}

void SnapshotReceiver::read_in_background(PartitionHost& host) {
  fetch_->is_reading = true;
  struct Outcome {
    std::optional<StateMachine> state;
    Error error;
  };
  auto outcome = std::make_shared<Outcome>();
  const std::shared_ptr<SnapshotSink> sink = std::move(fetch_->sink);
  const std::weak_ptr<Fetch> weak = fetch_;
  const SessionLimits limits = host.find_partition(fetch_->group)->session_limits();
  host.run_in_background(
      [sink, outcome, limits, descriptor = fetch_->descriptor, &store = host.snapshot_store()] {
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
        if (!fetch || fetch != fetch_) return;
        Partition* partition = host.find_partition(fetch->group);
        if (!outcome->state || partition == nullptr) return give_up(host, outcome->error.message);
        partition->hold_for_install(fetch->packed_descriptor, std::move(*outcome->state));
        fetch->is_ready = true;
        host.on_snapshot_fetched(host.now() - fetch->begun);
        deliver(host);
      });
}

void SnapshotReceiver::deliver(PartitionHost& host) {
  if (!fetch_ || !fetch_->is_ready) return;
  Partition* partition = host.find_partition(fetch_->group);
  if (partition != nullptr && !partition->replica().can_install()) return;
  const std::shared_ptr<Fetch> fetch = std::move(fetch_);
  fetch_.reset();
  if (partition == nullptr) return begin_next(host);
  host.report(LogLevel::kInfo, "installing the snapshot at entry " + std::to_string(fetch->descriptor.index.value),
              fetch->group);
  partition->on_raft_message(fetch->message);
  host.wake(fetch->group);
  begin_next(host);
}

void SnapshotReceiver::forget(PartitionId group, PartitionHost& host) {
  waiting_.erase(group);
  if (!is_fetching(group)) return;
  fetch_.reset();
  begin_next(host);
}

void SnapshotReceiver::begin_next(PartitionHost& host) {
  while (!fetch_ && !waiting_.empty()) {
    auto next = waiting_.extract(waiting_.begin());
    Partition* const partition = host.find_partition(next.key());
    if (partition == nullptr) continue;
    on_install(*partition, std::move(next.mapped()), host, host.now());
    host.wake(partition->id());
  }
}

void SnapshotReceiver::tick(PartitionHost& host, TimePoint now) {
  if (!fetch_) return;
  if (fetch_->is_reading) {
    keep_source(host, now);
    return deliver(host);
  }
  if (now - std::max(fetch_->progress_at, fetch_->heard_at) > kSilentAfter) {
    return give_up(host, "its sender fell silent");
  }
  if (now - fetch_->progress_at > kGiveUpAfter) return give_up(host, "its sender speaks, but sends none of it");
  if (now - std::max(fetch_->progress_at, fetch_->asked_at) > fetch_->patience) {
    fetch_->asked = fetch_->received;
    return ask(host, now);
  }
  keep_source(host, now);
}

/// A request for nothing of the file: who wants to catch up from this snapshot needs the log behind it.
void SnapshotReceiver::keep_source(PartitionHost& host, TimePoint now) {
  Fetch& fetch = *fetch_;
  if (now - std::max(fetch.progress_at, fetch.kept_at) < kKeepEvery) return;
  fetch.kept_at = now;
  host.want_chunk(fetch.message.from.worker, {fetch.group, fetch.descriptor.name, fetch.descriptor.size, 0});
}

void SnapshotReceiver::give_up(PartitionHost& host, const std::string& why) {
  host.report(LogLevel::kWarning,
              "gave up fetching a snapshot: " + why + "; it is fetched anew when the leader offers it again",
              fetch_->group);
  fetch_.reset();
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
