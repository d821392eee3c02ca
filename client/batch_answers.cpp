#include "client/batch_answers.hpp"

#include "protocol/packed.hpp"

namespace trellis {
namespace {

struct Outcome {
  Code status;
  bool is_guaranteed;
  bool is_answer() const { return !is_refusal(status) && status != Code::kDeadlineExceeded; }
};

/// Reads [status, result, info]; nothing where it is not that.
std::optional<Outcome> read_outcome(std::string_view packed) {
  PackedReader reader(packed);
  if (reader.read_array() != 3) return std::nullopt;
  const auto status = code_of(reader.read_str().value_or(""));
  if (!status || !reader.read_value()) return std::nullopt;
  const auto info = read_info(packed.substr(reader.position()));
  if (!info) return std::nullopt;
  return Outcome{*status, info->guaranteed};
}

}  // namespace

bool is_refusal(Code status) { return status == Code::kUnavailable || status == Code::kResourceExhausted; }

bool BatchAnswers::take(const Frame& frame, const Reply& reply) {
  PackedReader reader(reply.result);
  const std::size_t count = reader.read_array().value_or(0);
  // Every item takes a byte at least, so a forged count is not believed.
  if (count > reply.result.size() || (!items_.empty() && items_.size() != count)) return false;
  items_.resize(count);
  warnings_ = reply.info.warnings;
  bool has_ended = true;
  for (Item& item : items_) {
    const auto packed = reader.read_value();
    const auto outcome = packed ? read_outcome(*packed) : std::nullopt;
    if (!outcome || outcome->status == Code::kDeadlineExceeded) has_ended = false;
    if (!outcome || item.is_answered) continue;
    item = {frame.slice(*packed), outcome->status, outcome->is_guaranteed, outcome->is_answer()};
    if (item.is_answered) ++answered_;
  }
  return has_ended;
}

std::string BatchAnswers::pack(std::uint64_t id, const Error* instead) const {
  Reply reply;
  reply.id = id;
  reply.info.warnings = warnings_;
  ReplyInfo why;
  if (instead != nullptr) why.message = instead->message;
  std::string result;
  PackedWriter writer(result);
  writer.array(items_.size());
  for (const Item& item : items_) {
    const bool is_replaced = item.packed.empty() || (instead != nullptr && is_refusal(item.status));
    if (is_replaced) {
      writer.array(3).str(name_of(instead != nullptr ? instead->code : item.status)).nil();
      pack_info(result, why);
    } else {
      writer.packed(item.packed.bytes());
      reply.info.guaranteed = reply.info.guaranteed && item.is_guaranteed;
    }
  }
  reply.result = result;
  return pack_reply(reply);
}

}  // namespace trellis
