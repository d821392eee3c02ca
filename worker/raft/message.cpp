#include "worker/raft/message.hpp"

#include "protocol/cluster/bundle.hpp"
#include "worker/raft/stored_configuration.hpp"

namespace trellis {
namespace {

Error bad(const char* what) { return invalid_argument(std::string("raft message: ") + what); }

/// Indexes are added to; a quarter of the range is more than any log will see.
constexpr std::uint64_t kNumberMax = 1ull << 62;

/// Its term, its type, and how large its payload is.
constexpr std::size_t kEntryHeadSize = 13;
/// The type of an entry that holds a configuration.
constexpr std::uint8_t kConfiguration = 3;

/// Whether the body is exactly the entries that the head announces, in terms that never go back: a log that held others
/// could not be opened again.
bool holds_entries(const RaftMessage& message) {
  FieldReader fields(message.body.bytes());
  std::uint64_t last_term = message.log_term;
  for (std::uint32_t i = 0; i < message.entries; ++i) {
    const std::uint64_t term = fields.u64();
    const std::uint8_t type = fields.u8();
    const std::string_view payload = fields.bytes();
    if (!fields.ok() || term == 0 || term < last_term || type < 1 || type > 3) return false;
    if (type == kConfiguration && !records::read_configuration_entry(payload)) return false;
    last_term = term;
  }
  return fields.at_end() && last_term <= message.term;
}

/// Whether the body is the snapshot that the head announces.
bool holds_snapshot(const RaftMessage& message) {
  const auto record = records::read_snapshot_record(message.body.bytes());
  return record && !record->configuration.empty() && record->index == message.index &&
         record->term == message.log_term && record->configuration_index <= record->index;
}

}  // namespace

std::string pack_head(const RaftMessage& message) {
  std::string head;
  head.reserve(68);
  FieldWriter fields(head);
  fields.u8(static_cast<std::uint8_t>(message.kind)).u32(message.group.value);
  fields.u64(message.from.id.value).u64(message.to.value).u64(message.term);
  fields.u64(message.index).u64(message.log_term).u64(message.other).u64(message.stored).u32(message.entries);
  fields.u8(message.granted).u8(message.disrupt_leader).u8(message.pre_vote);
  return head;
}

Result<RaftMessage> read_raft_message(WorkerId from, std::string_view head, Frame body) {
  FieldReader fields(head);
  const std::uint8_t kind = fields.u8();
  if (kind < 1 || kind > 6) return bad("unknown kind");
  RaftMessage message;
  message.kind = static_cast<RaftMessageKind>(kind);
  message.group = {fields.u32()};
  message.from = {{fields.u64()}, from};
  message.to = {fields.u64()};
  message.term = fields.u64();
  message.index = fields.u64();
  message.log_term = fields.u64();
  message.other = fields.u64();
  message.stored = fields.u64();
  message.entries = fields.u32();
  message.granted = fields.u8() != 0;
  message.disrupt_leader = fields.u8() != 0;
  message.pre_vote = fields.u8();
  message.body = std::move(body);
  if (!fields.at_end()) return bad("its head has the wrong size");
  if (message.from.id.value == 0 || message.to.value == 0) return bad("a replica without an id");
  if (message.term == 0 || message.term > kTermMax || message.log_term > message.term || message.pre_vote > 2) {
    return bad("an impossible term or vote");
  }
  const bool is_vote = message.kind == RaftMessageKind::kRequestVote;
  if (message.index > kNumberMax || message.stored > kNumberMax || (!is_vote && message.other > kNumberMax))
    return bad("an impossible index");
  if (is_vote && message.other != message.from.id.value) return bad("a vote that is asked for somebody else");
  switch (message.kind) {
    case RaftMessageKind::kAppendEntries:
      if (!holds_entries(message)) return bad("broken entries");
      break;
    case RaftMessageKind::kInstallSnapshot:
      if (message.entries != 0 || !holds_snapshot(message)) return bad("a broken snapshot");
      break;
    default:
      if (!message.body.empty() || message.entries != 0) return bad("a body where none belongs");
  }
  return message;
}

void pack_entry(std::string& body, std::uint64_t term, std::uint8_t type, std::string_view payload) {
  body.reserve(body.size() + kEntryHeadSize + payload.size());
  FieldWriter(body).u64(term).u8(type).bytes(payload);
}

RaftMessage take_piece(RaftMessage& message, std::size_t bytes) {
  RaftMessage piece = message;
  message.is_piece = piece.is_piece = piece.is_followed = true;
  std::string_view rest = message.body.bytes();
  piece.entries = 0;
  while (message.entries > 0) {
    std::string_view behind = rest;
    const RaftEntryView entry = take_entry(behind);
    if (piece.entries > 0 && message.body.size() - behind.size() > bytes) break;
    rest = behind;
    ++piece.entries;
    --message.entries;
    ++message.index;
    message.log_term = entry.term;
  }
  piece.body = message.body.slice(0, message.body.size() - rest.size());
  message.body = message.body.slice(rest);
  return piece;
}

RaftEntryView take_entry(std::string_view& body) {
  FieldReader fields(body);
  const RaftEntryView entry{fields.u64(), fields.u8(), fields.bytes()};
  body = fields.rest();
  return entry;
}

}  // namespace trellis
