// The part of a Shard that speaks with its peers: Raft's messages, handshakes, leadership checks and greetings.
#include <algorithm>
#include <tuple>

#include "worker/shard.hpp"

namespace trellis {
namespace {

/// Said by whoever has just started; it counts before anything else of its sender does.
bool is_handshake(PeerMessageType type) { return type >= PeerMessageType::kArrival && type <= PeerMessageType::kProof; }

}  // namespace

void Shard::on_peer_message(const Frames& message) {
  const ClusterMap* map = membership_.map();
  BundleReader reader(message);
  const auto first = reader.next();
  if (map == nullptr || membership_.displaced() || !first ||
      static_cast<PeerMessageType>(first->type) != PeerMessageType::kFrom)
    return;
  const auto speaker = read_speaker(first->header);
  if (!speaker || speaker->cluster != map->cluster || speaker->id == membership_.self() ||
      map->find(speaker->id) == nullptr) {
    return;  // Another cluster, or no member, says it: none of our business.
  }
  const WorkerId from = speaker->id;
  if (is_left_behind(from)) return;
  // Before it, or behind it, there was a recovery: what it says of its groups is of others.
  if (speaker->recovery != map->recovery) return on_other_recovery(*speaker, reader);
  const bool counts = incarnations_.listens_to(*speaker, now_, *this);
  if (counts) {
    peers_.on_speaker(*speaker, now_);
    receiver_.on_heard(from, now_);
    if (const auto bulk = bulk_with_.find(from); bulk != bulk_with_.end()) bulk->second.on_life(speaker->nonce);
  }
  while (const auto item = reader.next()) {
    const auto type = static_cast<PeerMessageType>(item->type);
    if (is_handshake(type)) incarnations_.on_handshake(*speaker, type, item->header, store_, collecting_, *this);
    if (type == PeerMessageType::kArrival) say_all_times(from);
    if (!counts) continue;
    if (bulk::is_bulk_type(item->type)) {
      on_bulk(from, *item);
    } else {
      on_peer_item(from, *item);
    }
  }
  if (reader.broken()) warn("a broken message from worker " + to_string(from) + " was dropped" + kAskVersions);
  if (const auto& older = incarnations_.older_copy()) {
    fail("this data folder is an older copy: " + *older +
         ". What this worker voted and acknowledged since would be forgotten, and acknowledged writes be lost. Put the "
         "folder back as it was last; where that is gone, leave this worker stopped: the other replicas hold its data "
         "and serve on without it");
  }
}

/// The map alone is said to whoever has not got it yet, and taken from whoever has.
void Shard::on_other_recovery(const Speaker& speaker, BundleReader& reader) {
  const ClusterMap& map = *membership_.map();
  if (speaker.recovery < map.recovery) {
    TimePoint& told = recovery_.map_told_at[speaker.id];
    if (now_ - told < kGreetEvery) return;
    told = now_;
    return to_peer(speaker.id, PeerMessageType::kMap, pack(map));
  }
  while (const auto item = reader.next()) {
    if (static_cast<PeerMessageType>(item->type) != PeerMessageType::kMap) continue;
    if (const auto newer = read_cluster_map(item->header)) take_map(*newer);
  }
}

void Shard::on_peer_item(WorkerId from, const BundleItem& item) {
  switch (static_cast<PeerMessageType>(item.type)) {
    case PeerMessageType::kRaft: on_raft_item(from, item); break;
    case PeerMessageType::kQuestion: on_question(from, item.header); break;
    case PeerMessageType::kAnswer: on_answer(from, item.header); break;
    case PeerMessageType::kChunkWanted: on_chunk_wanted(from, item.header); break;
    case PeerMessageType::kChunk:
      moves_.bytes_received += item.body.size();
      if (const auto chunk = read_chunk(item.header)) receiver_.on_chunk(from, *chunk, item.body, *this, now_);
      break;
    case PeerMessageType::kTimes: on_times(item.header); break;
    default: on_member_item(from, item); break;
  }
}

void Shard::on_raft_item(WorkerId from, const BundleItem& item) {
  auto message = read_raft_message(from, item.header, item.body);
  if (!message) return warn("from worker " + to_string(from) + ": " + message.error().message + kAskVersions);
  Partition* partition = find_partition(message->group);
  if (partition == nullptr || looking_on_.count(message->group) != 0) return;
  woken_.insert(message->group);
  const bool is_leaders =
      message->kind == RaftMessageKind::kAppendEntries || message->kind == RaftMessageKind::kInstallSnapshot;
  if (is_leaders && message->to == partition->replica().self().id) partition->on_leader_heard();
  note_promise(*message, partition->replica());
  // The library must not see a snapshot before its file is here, verified and read: it drops its own log at once.
  if (message->kind == RaftMessageKind::kInstallSnapshot) {
    unswept_.insert(message->group);
    return receiver_.on_install(*partition, std::move(*message), *this, now_);
  }
  partition->on_raft_message(std::move(*message));
}

/// What a message says of its sender's own replica, durably: kept for the case that an older copy of it comes back.
void Shard::note_promise(const RaftMessage& message, const Replica& replica) {
  const bool is_of_this_term = message.term == replica.term().value;
  switch (message.kind) {
    case RaftMessageKind::kAppendEntries:
      return incarnations_.on_promise(message.from.worker, message.group,
                                      {message.from.id, message.term, message.stored, false});
    case RaftMessageKind::kAppendEntriesResult:
      if (message.other != 0 || !is_of_this_term || !replica.is_leader()) return;
      return incarnations_.on_promise(message.from.worker, message.group,
                                      {message.from.id, message.term, message.index, false});
    case RaftMessageKind::kRequestVoteResult:
      if (!message.granted || message.is_of_pre_vote() || !is_of_this_term) return;
      return incarnations_.on_promise(message.from.worker, message.group, {message.from.id, message.term, 0, true});
    default: return;
  }
}

/// Those that know what this worker promised before have told, or are down.
void Shard::let_take_part() {
  for (auto at = looking_on_.begin(); at != looking_on_.end();) {
    const PartitionId id = *at;
    const auto witnesses = witnesses_of(*membership_.map(), id, partitions_.at(id)->replica().voters());
    if (!incarnations_.may_take_part(witnesses, membership_.self(), now_)) {
      ++at;
      continue;
    }
    partitions_.at(id)->replica().restart_election_timer();
    at = looking_on_.erase(at);
  }
}

void Shard::on_question(WorkerId from, std::string_view header) {
  const auto question = read_question(header);
  if (!question) return;
  // An answer promises the member's term, so it leaves only when that is durable: at once for most groups.
  std::map<BatchNumber, ConfirmationMessage> answers;
  for (const ConfirmationItem& item : question->items) {
    const Partition* partition = find_partition(item.group);
    if (partition == nullptr || looking_on_.count(item.group) != 0) continue;
    if (partition->replica().self().id != item.replica) continue;
    const BatchNumber after = std::max(partition->replica().term_batch(), durable_);
    ConfirmationMessage& answer = answers[after];
    answer.nonce = question->nonce;
    answer.round = question->round;
    answer.items.push_back({item.group, item.replica, item.term, partition->replica().term()});
  }
  for (const auto& [after, answer] : answers) {
    if (after <= durable_) {
      to_peer(from, PeerMessageType::kAnswer, pack_answer(answer));
    } else {
      held_[after].push_back({from, std::nullopt, PeerMessageType::kAnswer, pack_answer(answer), {}});
    }
  }
}

void Shard::on_answer(WorkerId from, std::string_view header) {
  const auto answer = read_answer(header);
  if (!answer || answer->nonce != nonce_) return;  // Meant for an earlier incarnation.
  answered_at_[from] = now_;
  for (const ConfirmationItem& item : answer->items) {
    Partition* partition = find_partition(item.group);
    if (partition == nullptr) continue;
    partition->on_confirmation({item.replica, from}, answer->round, item.term, item.member_term);
    woken_.insert(item.group);
  }
}

void Shard::send(const ReplicaPlace& to, RaftMessage message, BatchNumber after) {
  if (after > durable_) {
    held_[after].push_back({to.worker, message.group, PeerMessageType::kRaft, pack_head(message), message.body});
  } else {
    to_peer(to.worker, PeerMessageType::kRaft, pack_head(message), message.body);
  }
}

void Shard::to_peer(WorkerId peer, PeerMessageType type, std::string_view header, const Frame& body) {
  if (membership_.map() == nullptr || durable_ < identity_batch_) return;
  if ((!bulk::is_urgent(body) || bulk_waits_) && !settings_.replica.omitted.bulk)
    return to_peer_in_turn(peer, type, header, body);
  to_peer_now(peer, type, header, body);
}

void Shard::to_peer_now(WorkerId peer, PeerMessageType type, std::string_view header, const Frame& body) {
  BundleWriter& out = bundle_to(peer);
  out.add(static_cast<std::uint8_t>(type), header, body);
  if (out.size() >= kBundleBytesMax) flush_to(peer, out);
}

BundleWriter& Shard::bundle_to(WorkerId peer) {
  BundleWriter& out = to_peers_[peer];
  if (!out.empty()) return out;
  spoken_to_.insert(peer);
  Speaker self{membership_.map()->cluster, membership_.self(), nonce_, incarnations_.number(), is_leaving_, is_full_};
  self.recovery = membership_.map()->recovery;
  out.add(static_cast<std::uint8_t>(PeerMessageType::kFrom), pack(peers_.greeting(peer, std::move(self), now_)));
  if (const auto greeted = greeted_at_.find(peer); greeted != greeted_at_.end()) greeted->second = now_;
  return out;
}

/// Who has not been spoken to for a while is told that this worker is there.
void Shard::greet() {
  if (durable_ < identity_batch_) return;
  for (const auto& [peer, at] : greeted_at_) {
    if (now_ - at >= kGreetEvery) bundle_to(peer);
  }
}

void Shard::want_chunk(WorkerId from, const ChunkWanted& wanted) {
  to_peer(from, PeerMessageType::kChunkWanted, pack(wanted));
}

/// The peers to ask for a confirmation.  At first only as many as a majority takes, since a question and its answer
/// cost as much as many reads: those that answered last, so that all partitions ask the same ones, and one that is down
/// is passed over from the second round on.  Where they do not answer, all are asked.
std::vector<ReplicaPlace> Shard::peers_to_ask(const LeadershipProof& proof) const {
  std::vector<ReplicaPlace> peers = proof.peers();
  if (proof.is_waiting() || proof.answers_needed() >= peers.size()) return peers;
  const auto answered = [this](WorkerId peer) {
    const auto at = answered_at_.find(peer);
    return at == answered_at_.end() ? TimePoint{} : at->second;
  };
  // Those that never answered come in a circle of ids from our own on, so that not all workers begin with the same one.
  const WorkerId self = membership_.self();
  std::sort(peers.begin(), peers.end(), [&](const ReplicaPlace& a, const ReplicaPlace& b) {
    return std::tuple(answered(b.worker), a.worker < self, a.worker) <
           std::tuple(answered(a.worker), b.worker < self, b.worker);
  });
  peers.resize(proof.answers_needed());
  return peers;
}

/// One question to each peer that is asked, for all partitions whose reads wait.
void Shard::ask_for_confirmations() {
  std::map<WorkerId, ConfirmationMessage> questions;
  const Round round = round_ + 1;
  for (auto at = reading_.begin(); at != reading_.end();) {
    const PartitionId id = *at;
    Partition* const partition = find_partition(id);
    at = partition == nullptr || !partition->has_open_reads() ? reading_.erase(at) : std::next(at);
    if (partition == nullptr || !partition->wants_confirmation()) continue;
    round_ = round;
    partition->renew_proof();
    const std::vector<ReplicaPlace> peers = peers_to_ask(partition->proof());
    partition->ask(round);
    woken_.insert(id);
    for (const auto& [replica, peer] : peers) {
      ConfirmationMessage& question = questions[peer];
      question.nonce = nonce_;
      question.round = round;
      question.items.push_back({id, replica, partition->proof().term(), {}});
    }
  }
  for (const auto& [peer, question] : questions) to_peer(peer, PeerMessageType::kQuestion, pack_question(question));
}

void Shard::flush_to(WorkerId peer, BundleWriter& out) {
  const ClusterMap* map = membership_.map();
  const Member* member = map == nullptr ? nullptr : map->find(peer);
  Frames frames = out.take();
  if (member != nullptr && !failure_) output_.to_peer(peer, member->address, std::move(frames));
}

}  // namespace trellis
