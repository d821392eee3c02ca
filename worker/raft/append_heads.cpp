#include "worker/raft/append_heads.hpp"

#include <algorithm>

#include "protocol/check.hpp"
#include "protocol/cluster/bundle.hpp"

namespace trellis {

RaftMessage read_own_head(std::string_view head) {
  FieldReader fields(head);
  RaftMessage message;
  message.kind = static_cast<RaftMessageKind>(fields.u8());
  message.group = {fields.u32()};
  message.from.id = {fields.u64()};
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
  CHECK(fields.at_end());
  return message;
}

RaftMessage without_entries(RaftMessage message, const RaftMessage& earlier) {
  message.index = earlier.index;
  message.log_term = earlier.log_term;
  message.other = std::min(message.other, earlier.index);
  message.entries = 0;
  message.body = {};
  return message;
}

}  // namespace trellis
