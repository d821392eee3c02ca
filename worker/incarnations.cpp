#include "worker/incarnations.hpp"

#include <algorithm>
#include <utility>

#include "protocol/cluster/bundle.hpp"
#include "worker/raft/log_records.hpp"

namespace trellis {
namespace {

// Beside the keys of worker/raft/log_records.hpp and worker/membership.cpp; numbers in keys are big-endian.
//
//   'B' start                            nonce u64                          of this worker's own starts
//   'I' peer                             start u64 | nonce u64              the peer's last start that was listened to
//   'P' peer group                       replica u64 | term u64             what the peer's replica promised
//                                        | index u64 | voted u8
constexpr char kStartKind = 'B';
constexpr char kPeerKind = 'I';
constexpr char kPromiseKind = 'P';

template <typename T>
void append_big_endian(std::string& out, T number) {
  for (int shift = 8 * (sizeof(T) - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

std::uint64_t read_big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

std::string key(char kind, std::uint64_t number) {
  std::string out(1, kind);
  append_big_endian(out, number);
  return out;
}

std::string promise_key(WorkerId peer, PartitionId group) {
  std::string out = key(kPromiseKind, peer.value);
  append_big_endian(out, group.value);
  return out;
}

/// One past the last key of the kind.
std::string end_of(char kind) { return std::string(1, static_cast<char>(kind + 1)); }

std::string pack(const Promise& promise) {
  std::string out;
  FieldWriter(out).u64(promise.replica.value).u64(promise.term).u64(promise.index).u8(promise.has_voted);
  return out;
}

Error broken(const char* what) { return {Code::kInternal, std::string("log store: a broken record of ") + what}; }

}  // namespace

std::vector<WorkerId> witnesses_of(const ClusterMap& map, PartitionId group, const std::vector<ReplicaPlace>& voters) {
  std::set<WorkerId> witnesses;
  for (const ReplicaPlace& voter : voters) {
    if (map.find(voter.worker) != nullptr) witnesses.insert(voter.worker);
  }
  for (const ReplicaPlace& place : map.placement(group).replicas) witnesses.insert(place.worker);
  return {witnesses.begin(), witnesses.end()};
}

Result<void> Incarnations::load(LogStore& store, const RandomSource& random) {
  random_ = random;
  if (auto loaded = load_starts(store); !loaded) return loaded;
  if (auto loaded = load_peers(store); !loaded) return loaded;
  number_ = starts_.empty() ? 1 : starts_.rbegin()->first + 1;
  starts_[number_] = nonce_;
  store.put(key(kStartKind, number_), records::pack_number(nonce_.value));
  if (number_ > kStartsMax) {
    starts_.erase(starts_.begin(), starts_.upper_bound(number_ - kStartsMax));
    store.remove(key(kStartKind, 0), key(kStartKind, number_ - kStartsMax + 1));
  }
  return {};
}

Result<void> Incarnations::load_starts(LogStore& store) {
  return store.scan(key(kStartKind, 0), end_of(kStartKind),
                    [this](std::string_view stored, std::string_view value) -> Result<void> {
                      const auto nonce = records::read_number(value);
                      if (!nonce || stored.size() != 9) return broken("this worker's starts");
                      starts_[read_big_endian(stored.substr(1))] = BootNonce{*nonce};
                      return {};
                    });
}

Result<void> Incarnations::load_peers(LogStore& store) {
  auto loaded = store.scan(key(kPeerKind, 0), end_of(kPeerKind),
                           [this](std::string_view stored, std::string_view value) -> Result<void> {
                             FieldReader fields(value);
                             Peer read;
                             read.number = fields.u64();
                             read.nonce = {fields.u64()};
                             if (!fields.at_end() || stored.size() != 9) return broken("a peer's start");
                             peers_[WorkerId{read_big_endian(stored.substr(1))}] = std::move(read);
                             return {};
                           });
  if (!loaded) return loaded;
  return store.scan(key(kPromiseKind, 0), end_of(kPromiseKind),
                    [this](std::string_view stored, std::string_view value) -> Result<void> {
                      FieldReader fields(value);
                      Promise promise{{fields.u64()}, fields.u64(), fields.u64(), false};
                      promise.has_voted = fields.u8() != 0;
                      if (!fields.at_end() || stored.size() != 13) return broken("a peer's promise");
                      const WorkerId id{read_big_endian(stored.substr(1, 8))};
                      const auto group = static_cast<std::uint32_t>(read_big_endian(stored.substr(9)));
                      peers_[id].promises[PartitionId{group}] = promise;
                      return {};
                    });
}

Incarnations::Peer& Incarnations::peer(WorkerId id) {
  Peer& peer = peers_[id];
  while (peer.challenge == 0) peer.challenge = random_();
  return peer;
}

void Incarnations::on_opened(PartitionId group, std::optional<WorkerId> vote, Promise held) {
  opened_[group] = {vote, held};
}

void Incarnations::on_deleted(PartitionId group, ReplicaId deleted) {
  opened_[group] = {WorkerId{}, Promise{deleted, UINT64_MAX, 0, false}};
}

bool Incarnations::listens_to(const Speaker& speaker, TimePoint now, IncarnationsOutput& output) {
  if (omitted_.all) return true;
  Peer& from = peer(speaker.id);
  if (from.number == speaker.incarnation && from.nonce == speaker.nonce && from.kept_with <= durable_) return true;
  ++dropped_;
  // An earlier start, of which something was still on its way, has nothing to prove.
  if (speaker.incarnation > from.number && (!from.challenged_at || now - *from.challenged_at >= kAskEvery)) {
    from.challenged_at = now;
    output.say_to_peer(speaker.id, PeerMessageType::kChallenge, pack_challenge(from.challenge));
  }
  return false;
}

void Incarnations::on_handshake(const Speaker& from, PeerMessageType type, std::string_view header, LogStore& store,
                                BatchNumber collecting, IncarnationsOutput& output) {
  if (omitted_.all || number_ == 0) return;
  if (type == PeerMessageType::kKnown) {
    if (const auto known = read_known(header)) on_known(from.id, *known);
    return;
  }
  const auto challenge = read_challenge(header);
  if (!challenge) return;
  if (type == PeerMessageType::kArrival) return on_arrival(from.id, *challenge, output);
  if (type == PeerMessageType::kProof) return on_proof(from, *challenge, store, collecting);
  if (type == PeerMessageType::kChallenge) peer(from.id).asks = *challenge;
}

void Incarnations::on_arrival(WorkerId from, std::uint64_t challenge, IncarnationsOutput& output) {
  const Peer& arrived = peer(from);
  Known known{challenge, arrived.challenge, arrived.number, arrived.nonce, {}};
  for (const auto& [group, promise] : arrived.promises) known.promises.emplace_back(group, promise);
  output.say_to_peer(from, PeerMessageType::kKnown, pack(known));
}

void Incarnations::on_known(WorkerId from, const Known& known) {
  Peer& told = peer(from);
  // What it says after it was told once may be of what this start has promised since.
  if (known.answers != told.challenge || told.has_told) return;
  if (const auto lacks = lack(from, known)) {
    if (!older_copy_) older_copy_ = *lacks;
    return;
  }
  told.has_told = true;
  told.asks = known.challenge;
}

void Incarnations::on_proof(const Speaker& from, std::uint64_t challenge, LogStore& store, BatchNumber collecting) {
  Peer& proven = peer(from.id);
  if (challenge != proven.challenge || from.incarnation <= proven.number) return;
  proven.number = from.incarnation;
  proven.nonce = from.nonce;
  proven.kept_with = collecting;
  proven.challenged_at.reset();
  store.put(key(kPeerKind, from.id.value), records::pack_pair(proven.number, proven.nonce.value));
}

std::optional<std::string> Incarnations::lack(WorkerId from, const Known& known) const {
  const std::string who = "worker " + to_string(from) + " ";
  if (known.incarnation != 0 && known.incarnation + kStartsMax > number_) {
    const auto start = starts_.find(known.incarnation);
    if (start == starts_.end() || start->second != known.nonce) {
      return who + "has heard of its start number " + std::to_string(known.incarnation) + ", of which this folder " +
             (start == starts_.end() ? "knows nothing" : "knows another one") + " (this is number " +
             std::to_string(number_) + ")";
    }
  }
  for (const auto& [group, promise] : known.promises) {
    const auto own = opened_.find(group);
    if (own == opened_.end()) continue;
    const auto& [vote, held] = own->second;
    // In a later term than that of the promise a new leader may have replaced what was promised.
    // A replica that was deleted here has nothing left to hold; one that never was here is missing.
    if (promise.replica < held.replica) continue;
    const bool has_less = held.replica < promise.replica || held.term < promise.term ||
                          (held.term == promise.term &&
                           (held.index < promise.index || (promise.has_voted && vote.value_or(from) != from)));
    if (!has_less) continue;
    return who + "knows that it held partition " + std::to_string(group.value) + " up to entry " +
           std::to_string(promise.index) + (promise.has_voted ? " and voted for it" : "") + " in term " +
           std::to_string(promise.term) + ", and this folder ends at entry " + std::to_string(held.index) +
           " in term " + std::to_string(held.term);
  }
  return std::nullopt;
}

void Incarnations::tick(const ClusterMap& map, WorkerId self, TimePoint now, LogStore& store,
                        IncarnationsOutput& output) {
  if (omitted_.all || number_ == 0) return;
  ask(map, self, now, output);
  prove(map, self, now, output);
  keep_promises(now, store);
}

void Incarnations::ask(const ClusterMap& map, WorkerId self, TimePoint now, IncarnationsOutput& output) {
  if (asked_at_ && now - *asked_at_ < kAskEvery) return;
  asked_at_ = now;
  for (const Member& member : map.members) {
    if (member.id == self || peer(member.id).has_told) continue;
    output.say_to_peer(member.id, PeerMessageType::kArrival, pack_challenge(peer(member.id).challenge));
  }
}

void Incarnations::prove(const ClusterMap& map, WorkerId self, TimePoint now, IncarnationsOutput& output) {
  const bool have_all_told = std::all_of(map.members.begin(), map.members.end(), [&](const Member& member) {
    return member.id == self || peer(member.id).has_told;
  });
  const bool may_prove = have_all_told || now - started_ >= kPeersWithin || omitted_.proofs;
  if (older_copy_ || !may_prove) return;
  for (auto& [id, asker] : peers_) {
    // Who has not told what it knows gets no proof: perhaps it knows better than this folder.
    if (!asker.has_told || !asker.asks) continue;
    output.say_to_peer(id, PeerMessageType::kProof, pack_challenge(*std::exchange(asker.asks, std::nullopt)));
  }
}

void Incarnations::keep_promises(TimePoint now, LogStore& store) {
  if (now - kept_at_ < kKeepEvery) return;
  kept_at_ = now;
  for (auto& [id, each] : peers_) {
    for (const PartitionId group : each.unkept) store.put(promise_key(id, group), pack(each.promises[group]));
    each.unkept.clear();
  }
}

bool Incarnations::may_take_part(const std::vector<WorkerId>& replicas, WorkerId self, TimePoint now) const {
  if (omitted_.all) return true;
  const auto have_told = static_cast<std::size_t>(std::count_if(replicas.begin(), replicas.end(), [&](WorkerId id) {
    const auto at = peers_.find(id);
    return id == self || (at != peers_.end() && at->second.has_told);
  }));
  if (have_told == replicas.size()) return true;
  return now - started_ >= kPeersWithin && have_told > replicas.size() / 2;
}

bool Incarnations::has_been_told() const {
  return omitted_.all ||
         std::any_of(peers_.begin(), peers_.end(), [](const auto& each) { return each.second.has_told; });
}

void Incarnations::on_promise(WorkerId id, PartitionId group, const Promise& promise) {
  Peer& from = peers_[id];
  Promise& kept = from.promises[group];
  if (promise.replica < kept.replica) return;
  const bool is_same = promise.replica == kept.replica;
  if (is_same && promise.term < kept.term) return;
  Promise next = promise;
  if (is_same && promise.term == kept.term) {
    if (promise.index <= kept.index && (!promise.has_voted || kept.has_voted)) return;
    next.index = std::max(promise.index, kept.index);
    next.has_voted = promise.has_voted || kept.has_voted;
  }
  kept = next;
  from.unkept.insert(group);
}

}  // namespace trellis
