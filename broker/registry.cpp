#include "broker/registry.hpp"

#include <algorithm>

#include "protocol/check.hpp"

namespace trellis {
namespace {

/// Between two updates of a broker that runs; a longer gap is a pause of its own.
constexpr std::chrono::milliseconds kUpdateGapMax{300};
/// Incarnations that are contested or refused and remembered.
constexpr std::size_t kLivesMax = 1024;

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
  take_proof(hello);
  if (const auto condemned = condemned_.find(hello.nonce); condemned != condemned_.end()) {
    Admission refused;
    refused.refusal = condemned->second;
    return refused;
  }
  WorkerRecord* const known = find(hello.id);
  WorkerRecord* const holder = find_address(hello.address);
  if (holder != nullptr && holder->hello.id != hello.id) return contest(from, std::move(hello), *holder, now);
  if (known == nullptr || known->hello.nonce == hello.nonce) return take(from, std::move(hello), now);
  if (known->former.value != 0 && known->former == hello.nonce) {
    return former_life_speaks(from, std::move(hello), *known, now);
  }
  return contest(from, std::move(hello), *known, now);
}

Registry::Admission Registry::take(const BackendAddress& from, Hello hello, TimePoint now) {
  Admission admission;
  auto& record = workers_[hello.id];
  if (!record) {
    record = std::make_unique<WorkerRecord>(first_sent_);
    admission.new_worker = true;
  } else if (record->hello.nonce != hello.nonce) {
    admission.new_incarnation = true;
  }
  contests_.erase(hello.nonce);
  // One that held the address before and has been silent is another worker's predecessor, not a second holder.
  if (WorkerRecord* holder = find_address(hello.address); holder != nullptr && holder != record.get()) {
    remove(holder->hello.id);
  }
  // A worker that speaks over two connections (the same broker listed twice) keeps the one in use while that lives.
  const bool is_in_use = record->slot != nullptr && record->slot->address == from;
  if (is_in_use || admission.new_worker || admission.new_incarnation || now - record->slot_heard >= kSilentAfter) {
    admission.new_connection = connect(*record, from);
    record->slot_heard = now;
  }
  if (admission.new_incarnation) record->round_trip = RoundTrip(first_sent_);
  record->round_trip.on_stamps(hello.stamps, now);
  record->hello = std::move(hello);
  record->last_heard = now;
  admission.worker = record.get();
  return admission;
}

void Registry::take_proof(const Hello& hello) {
  if (hello.token == 0) return;
  for (auto& [claimant, contest] : contests_) {
    if (claimant == hello.nonce && contest.claimant_proof == hello.token) contest.claimant_lives = true;
    if (contest.incumbent == hello.nonce && contest.incumbent_proof == hello.token) contest.incumbent_lives = true;
  }
}

void Registry::challenge(Outbox::Slot& slot, BootNonce nonce, std::uint64_t token) {
  add(outbox_.to(slot), Challenge{nonce, token});
}

std::string Registry::condemn(const Hello& claimant, const WorkerRecord& incumbent) {
  if (condemned_.size() > kLivesMax) condemned_.clear();
  const bool has_same_id = incumbent.hello.id == claimant.id;
  return condemned_[claimant.nonce] =
             has_same_id
                 ? "another live worker has the same id " + to_string(claimant.id) + " at " + incumbent.hello.address +
                       ": was its data folder copied? End the one that should not be there, and keep both folders "
                       "until it is clear "
                       "which is the newer"
                 : "address " + claimant.address + " is held by another live worker, " + to_string(incumbent.hello.id) +
                       ": start this one with another -a or -p";
}

Registry::Admission Registry::contest(const BackendAddress& from, Hello hello, WorkerRecord& incumbent, TimePoint now) {
  if (contests_.size() > kLivesMax) contests_.clear();
  Contest& contest = contests_[hello.nonce];
  // An answer counts in the contest that it was asked in: both incarnations were alive after both had spoken.
  if (contest.incumbent != incumbent.hello.nonce) {
    contest = {};
    contest.incumbent = incumbent.hello.nonce;
    contest.claimant_proof = next_token_++;
    contest.incumbent_proof = next_token_++;
  }
  Admission admission;
  if (contest.claimant_lives && contest.incumbent_lives) {
    admission.refusal = condemn(hello, incumbent);
    return admission;
  }
  // At the same address the old incarnation must be gone, since the port is taken only once; elsewhere it is waited
  // for.
  const bool is_next_life = incumbent.hello.id == hello.id && incumbent.hello.address == hello.address;
  if (contest.claimant_lives && (is_next_life || now - incumbent.last_heard >= kSilentAfter)) {
    const Contest won = contest;
    admission = take(from, std::move(hello), now);
    admission.worker->former = won.incumbent;
    admission.worker->former_token = won.incumbent_proof;
    return admission;
  }
  // Each is asked until it has answered: its answer is a hello, and must not be asked about again.
  if (!contest.claimant_lives) challenge(outbox_.slot(from), hello.nonce, contest.claimant_proof);
  if (!contest.incumbent_lives && incumbent.slot != nullptr) {
    challenge(*incumbent.slot, incumbent.hello.nonce, contest.incumbent_proof);
  }
  return admission;
}

Registry::Admission Registry::former_life_speaks(const BackendAddress& from, Hello hello, WorkerRecord& record,
                                                 TimePoint now) {
  if (hello.token != record.former_token) {
    challenge(outbox_.slot(from), record.former, record.former_token);
    return {};
  }
  // Both live: the earlier one keeps the place, and the later one is told at its next hello.
  condemn(record.hello, record);
  Admission admission = take(from, std::move(hello), now);
  admission.worker->former = BootNonce{};
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
  warmed_up_ = now - start_ >= kBrokerWarmUp;
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
  const WorkerRecord* const record = find(id);
  const Duration round_trip = record == nullptr ? Duration::zero() : record->round_trip.value();
  const Duration down_after = record == nullptr ? kBrokerWarmUp : kDownAfter + 2 * round_trip;
  if (silence >= down_after) return WorkerState::kDown;
  return silence >= kSuspectAfter + round_trip ? WorkerState::kSuspect : WorkerState::kUp;
}

void Registry::on_woken(TimePoint now) {
  for (auto& [id, record] : workers_) record->round_trip.on_woken(now);
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
