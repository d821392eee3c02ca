// The part of a Shard that speaks bulk (protocol/cluster/bulk.hpp) with peers and brokers.
#include <algorithm>

#include "worker/raft/append_heads.hpp"
#include "worker/shard.hpp"

namespace trellis {
namespace {

/// Replies that wait for one broker have at most so many bytes. Beyond them what is large is not sent, and the broker
/// is told to ask again soon.
constexpr std::size_t kReplyBytesWaitingMax = 64 << 20;
/// Beyond it no page of a listing and no reads of a batch are begun: their reply would be made for nothing.
constexpr std::size_t kLargeRepliesUpTo = kReplyBytesWaitingMax / 2;

/// What waits once.  A large reply of the same tag, to the same broker, says the same; the log of one partition is one
/// conversation; a piece of a snapshot may be asked for again while it waits.
BulkSender::Key key_of(const WorkerReply& reply) { return bulk::is_urgent(reply.body) ? 0 : reply.tag; }

constexpr BulkSender::Key kLogKeys = 1ull << 32;

BulkSender::Key key_of_log(std::uint32_t group) { return kLogKeys | group; }

/// Any number that names the piece; two that share one by chance cost another request.
BulkSender::Key key_of_piece(std::string_view header) { return std::hash<std::string_view>()(header) | 1ull << 63; }

bool is_append(std::string_view head) {
  return !head.empty() && static_cast<RaftMessageKind>(head[0]) == RaftMessageKind::kAppendEntries;
}

}  // namespace

BulkLink& Shard::bulk_with(WorkerId peer) {
  const auto known = bulk_with_.find(peer);
  return known != bulk_with_.end() ? known->second : bulk_with_.try_emplace(peer, random_(), bulk_room_).first->second;
}

/// Says to a peer what is large, or concerns a log of which something large is on its way to it.
void Shard::to_peer_in_turn(WorkerId peer, PeerMessageType type, std::string_view header, const Frame& body) {
  BulkSender& bulk = bulk_with(peer).out;
  const auto add = [&](BulkSender::Key key) {
    bulk.add(bundle_to(peer), {static_cast<std::uint8_t>(type), std::string(header), body, key}, now_);
    bulk_waits_ = bulk_waits_ || bulk.has_waiting();
  };
  // What does not arrive is asked for again, but a log's leader has to be heard meanwhile.
  const bool is_stalled = bulk.is_stalled(now_);
  if (is_stalled) bulk.clear();
  if (type != PeerMessageType::kRaft || !is_append(header)) {
    const bool is_piece = type == PeerMessageType::kChunk;  // These stay in order, however small the last one is.
    if (bulk::is_urgent(body) && !is_piece) return to_peer_now(peer, type, header, body);
    if (!is_stalled) add(is_piece ? key_of_piece(header) : 0);
    return;
  }
  const auto message = read_own_head(header);
  const BulkSender::Key key = key_of_log(message.group.value);
  const BulkSender::Item* const waiting = bulk.find(key);
  const auto earlier = waiting == nullptr ? std::nullopt : std::optional(read_own_head(waiting->header));
  if (earlier && earlier->term == message.term && earlier->to == message.to)
    return to_peer_now(peer, type, pack_head(without_entries(message, *earlier)));
  if (earlier) bulk.drop(key);  // It is another term's, or another replica's, whose log may differ.
  if (bulk::is_urgent(body)) return to_peer_now(peer, type, header, body);
  if (is_stalled) return to_peer_now(peer, type, pack_head(without_entries(message, message)));
  add(key);
}

/// Adds what the windows have room for.
void Shard::fill_bulk() {
  bulk_waits_ = false;
  for (auto& [peer, link] : bulk_with_) {
    while (link.out.has_more(now_)) {
      BundleWriter& out = bundle_to(peer);
      link.out.fill(out, now_);
      flush_to(peer, out);
    }
    bulk_waits_ = bulk_waits_ || link.out.has_waiting();
  }
  for (BrokerIndex i = 0; i < brokers_.size(); ++i) {
    BrokerLink& broker = brokers_[i];
    while (broker.bulk.out.has_more(now_)) {
      broker.bulk.out.fill(broker.out, now_);
      output_.to_broker(i, broker.out.take());
    }
  }
}

void Shard::on_bulk(WorkerId from, const BundleItem& item) {
  if (durable_ < identity_batch_) return;  // Nothing is said yet, answers neither.
  const bool has_answer = static_cast<bulk::Type>(item.type) == bulk::Type::kMark;
  BundleWriter none;
  const auto whole = bulk_with(from).on_item(item, has_answer ? bundle_to(from) : none, now_);
  if (!whole) return warn("from worker " + to_string(from) + ": " + whole.error().message + " was dropped");
  if (*whole) on_peer_item(from, (*whole)->item());
}

void Shard::on_bulk(BrokerIndex from, const BundleItem& item) {
  BrokerLink& broker = brokers_[from];
  const auto whole = broker.bulk.on_item(item, broker.out, now_);
  if (!whole) return warn("from a broker: " + whole.error().message + " was dropped");
  if (*whole) on_broker_item(from, (*whole)->item());
}

bool Shard::takes_large_reply(const BrokerLink& broker) { return broker.bulk.out.bytes_waiting() <= kLargeRepliesUpTo; }

bool Shard::has_room_for(const BrokerLink& broker, const WorkerReply& reply) {
  const BulkSender& bulk = broker.bulk.out;
  // One that fills it alone is taken beside others that leave a half: a batch that wrote cannot be read again.
  const std::size_t counted = std::min(reply.body.size(), kReplyBytesWaitingMax / 2);
  return reply.body.size() <= bulk::kWholeMax || !bulk.has_waiting() ||
         bulk.bytes_waiting() + counted <= kReplyBytesWaitingMax;
}

/// Adds a reply, now or as soon as the link has room for it.  A broker that says nothing sends its requests again once
/// it is back, so what waited for it goes, and only what is small is tried.
void Shard::add_reply(BrokerLink& broker, const WorkerReply& reply) {
  BulkSender& bulk = broker.bulk.out;
  const std::size_t size = WorkerReply::kHeaderSize + reply.body.size();
  if (bulk.may_pass(size)) {
    add(broker.out, reply);
    return bulk.note_sent(broker.out, size, now_);
  }
  if (bulk.is_stalled(now_)) {
    bulk.clear();
    if (bulk::is_urgent(reply.body)) add(broker.out, reply);
    return;
  }
  bulk.add(broker.out,
           {static_cast<std::uint8_t>(MessageType::kReply), pack_header(reply), reply.body.kept(), key_of(reply),
            reply.client},
           now_);
}

void Shard::forget_unfinished_bulk() {
  for (auto& [peer, link] : bulk_with_) link.in.tick(now_);
  for (BrokerLink& broker : brokers_) broker.bulk.in.tick(now_);
}

}  // namespace trellis
