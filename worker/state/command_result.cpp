#include "worker/state/command_result.hpp"

#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// Room for all but the result and the message: the array's head, id, the longest status, the info's names.
constexpr std::size_t kAroundResult = 64;

void pack_value(PackedWriter& writer, const CommandResult& result) {
  switch (result.kind) {
    case ResultKind::kNil: writer.nil(); break;
    case ResultKind::kFalse: writer.boolean(false); break;
    case ResultKind::kTrue: writer.boolean(true); break;
    case ResultKind::kNumber: writer.natural(result.number); break;
    case ResultKind::kPacked: writer.packed(result.packed.bytes()); break;
  }
}

/// status, result, info
void pack_outcome(PackedWriter& writer, const CommandResult& result) {
  writer.str(name_of(result.status));
  pack_value(writer, result);
  writer.map((result.message.empty() ? 0 : 1) + (result.version ? 1 : 0) + (result.ttl_ms ? 1 : 0) +
             (result.more ? 1 : 0) + (result.after ? 1 : 0) + (result.exactly_once != ExactlyOnce::kNothing ? 1 : 0));
  if (!result.message.empty()) writer.str("message").str(result.message);
  if (result.version) writer.str("version").natural(*result.version);
  if (result.ttl_ms) writer.str("ttl_ms").natural(*result.ttl_ms);
  if (result.more) writer.str("more").boolean(true);
  if (result.after) writer.str("after").key(*result.after);
  if (result.exactly_once != ExactlyOnce::kNothing) writer.str("exactly_once").str(name_of(result.exactly_once));
}

}  // namespace

CommandResult CommandResult::of(bool value) {
  CommandResult result;
  result.kind = value ? ResultKind::kTrue : ResultKind::kFalse;
  return result;
}

CommandResult CommandResult::of_number(std::uint64_t value) {
  CommandResult result;
  result.kind = ResultKind::kNumber;
  result.number = value;
  return result;
}

CommandResult CommandResult::of_packed(Frame value, std::optional<std::uint64_t> version) {
  CommandResult result;
  result.kind = ResultKind::kPacked;
  result.packed = std::move(value);
  result.version = version;
  return result;
}

CommandResult CommandResult::failed(Code code, std::string message) {
  CommandResult result;
  result.status = code;
  result.message = std::move(message);
  return result;
}

void pack_reply_frame(std::string& out, std::uint64_t id, const CommandResult& result) {
  out.reserve(out.size() + kAroundResult + result.packed.size() + result.message.size());
  PackedWriter writer(out);
  writer.array(5).natural(1).natural(id);
  pack_outcome(writer, result);
}

std::string pack_reply_frame(std::uint64_t id, const CommandResult& result) {
  std::string out;
  pack_reply_frame(out, id, result);
  return out;
}

void pack_batch_item(std::string& out, std::uint32_t index, const CommandResult& result) {
  PackedWriter writer(out);
  writer.array(4).natural(index);
  pack_outcome(writer, result);
}

}  // namespace trellis
