#include "broker/registry.hpp"

#include <algorithm>

#include "protocol/check.hpp"

namespace trellis {
namespace {

/// Between two updates of a broker that runs; a longer gap is a pause of its own.
constexpr std::chrono::milliseconds kUpdateGapMax{300};
constexpr std::size_t kContestedMax = 1024;

bool is_live(const WorkerRecord& record, TimePoint now) { return now - record.last_heard < kSilentAfter; }

}  // namespace

std::string_view name_of(WorkerState state) {
  switch (state) {
    case WorkerState::kUp: return "up";
    case WorkerState::kSuspect: return "suspect";
    case WorkerState::kDown: break;
  }
  return "down";
}

Registry::Admission Registry::admit(const BackendAddress& from, Hello hello, TimePoint now) {
  if (hello.id.value == 0 || hello.address.empty()) {
    Admission refused;
    refused.refusal = "its hello names no id or no address";
    return refused;
  }
  WorkerRecord* const known = find(hello.id);
  WorkerRecord* const holder = find_address(hello.address);
  if (holder != nullptr && holder->hello.id != hello.id && is_live(*holder, now)) return contest(hello, *holder, now);
  if (known == nullptr) return take(from, std::move(hello), now);
  if (known->hello.nonce == hello.nonce) return take(from, std::move(hello), now);
  if (known->former == hello.nonce) return former_life_speaks(from, std::move(hello), *known, now);
  // A new life.  At the same address the old one must be gone, since the port is taken only once.
  if (known->hello.address == hello.address && !contested_.contains(hello.nonce)) {
    return take(from, std::move(hello), now);
  }
  if (is_live(*known, now)) return contest(hello, *known, now);
  return take(from, std::move(hello), now);
}

Registry::Admission Registry::take(const BackendAddress& from, Hello hello, TimePoint now) {
  Admission admission;
  auto& record = workers_[hello.id];
  if (!record) {
    record = std::make_unique<WorkerRecord>();
    record->since = now;
    admission.new_worker = true;
  } else if (record->hello.nonce != hello.nonce) {
    record->former = record->hello.nonce;
    record->since = now;
    admission.new_life = true;
  }
  contested_.erase(hello.nonce);
  // One that held the address before and has been silent is another worker's predecessor, not a second holder.
  if (WorkerRecord* holder = find_address(hello.address); holder != nullptr && holder != record.get()) {
    remove(holder->hello.id);
  }
  // A worker that speaks over two connections (the same broker listed twice) keeps the one in use while that lives.
  const bool is_in_use = record->slot != nullptr && record->slot->address == from;
  if (is_in_use || admission.new_worker || admission.new_life || now - record->slot_heard >= kSilentAfter) {
    admission.new_connection = connect(*record, from);
    record->slot_heard = now;
  }
  record->hello = std::move(hello);
  record->last_heard = now;
  admission.worker = record.get();
  return admission;
}

Registry::Admission Registry::contest(const Hello& hello, const WorkerRecord& incumbent, TimePoint now) {
  if (contested_.size() > kContestedMax) contested_.clear();
  const auto [entry, is_new] = contested_.emplace(hello.nonce, now);
  Admission undecided;
  // Long enough for what the incumbent's connection still held when it died, and for a few of its heartbeats.
  if (is_new || now - entry->second < kSuspectAfter) return undecided;
  undecided.refusal = incumbent.hello.id == hello.id
                          ? "another live worker has the same id " + to_string(hello.id) + " at " +
                                incumbent.hello.address +
                                ": was its data folder copied? Start this one with an empty --data folder"
                          : "address " + hello.address + " is held by another live worker, " +
                                to_string(incumbent.hello.id) + ": start this one with another -a or -p";
  return undecided;
}

Registry::Admission Registry::former_life_speaks(const BackendAddress& from, Hello hello, WorkerRecord& record,
                                                 TimePoint now) {
  // What its connection still held when it ended is read within moments of the new life's hello.
  if (now - record.since < kSuspectAfter) return {};
  if (!is_live(record, now)) return take(from, std::move(hello), now);
  // Both live: the earlier one keeps the place, and the later one has its hellos contested from now on.
  contested_[record.hello.nonce] = now - kSuspectAfter;
  const BootNonce later = record.hello.nonce;
  Admission admission = take(from, std::move(hello), now);
  record.former = BootNonce{};
  contested_[later] = now - kSuspectAfter;
  return admission;
}

bool Registry::connect(WorkerRecord& record, const BackendAddress& from) {
  if (record.slot != nullptr && record.slot->address == from) return false;
  const bool had_another = record.slot != nullptr;
  if (had_another) {
    by_connection_.erase(record.slot->address);
    outbox_.forget(record.slot->address);
  }
  // A connection that said it was one worker and now says it is another: the first is no longer there.
  if (const auto other = by_connection_.find(from); other != by_connection_.end()) other->second->slot = nullptr;
  by_connection_[from] = &record;
  record.slot = &outbox_.slot(from);
  record.slot->kept = true;
  return had_another;
}

WorkerRecord* Registry::heard(const BackendAddress& from, TimePoint now) {
  const auto found = by_connection_.find(from);
  if (found == by_connection_.end()) return nullptr;
  found->second->last_heard = now;
  return found->second;
}

std::vector<Registry::Change> Registry::update(TimePoint now) {
  const bool paused = last_update_ && now - *last_update_ > kUpdateGapMax;
  const Duration pause = paused ? now - *last_update_ : Duration::zero();
  last_update_ = now;
  std::vector<Change> changes;
  for (auto& [id, record] : workers_) {
    if (paused) record->last_heard = std::min(now, record->last_heard + pause);
    const WorkerState state = state_of(id, now);
    if (state == record->state) continue;
    record->state = state;
    changes.push_back({id, state});
  }
  return changes;
}

WorkerRecord* Registry::find(WorkerId id) {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : found->second.get();
}

WorkerRecord* Registry::find_address(std::string_view address) {
  for (auto& [id, record] : workers_) {
    if (record->hello.address == address) return record.get();
  }
  return nullptr;
}

Duration Registry::silence_of(WorkerId id, TimePoint now) const {
  const WorkerRecord* const record = find(id);
  return now - (record == nullptr ? start_ : record->last_heard);
}

WorkerState Registry::state_of(WorkerId id, TimePoint now) const {
  const Duration silence = silence_of(id, now);
  const auto down_after = find(id) == nullptr ? kBrokerWarmUp : kDownAfter;
  if (silence >= down_after) return WorkerState::kDown;
  return silence >= kSuspectAfter ? WorkerState::kSuspect : WorkerState::kUp;
}

void Registry::remove(WorkerId id) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  if (Outbox::Slot* slot = found->second->slot; slot != nullptr) {
    by_connection_.erase(slot->address);
    outbox_.forget(slot->address);
  }
  workers_.erase(found);
}

}  // namespace trellis
