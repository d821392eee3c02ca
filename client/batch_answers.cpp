#include "client/batch_answers.hpp"

#include <unordered_map>
#include <variant>

#include "protocol/command.hpp"
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

BatchAnswers::BatchAnswers(std::string_view request) {
  const auto read = read_request(request);
  const auto* const batch = std::get_if<Request>(&read);
  const auto items =
      batch == nullptr ? Result<std::vector<BatchItem>>(invalid_argument("")) : read_batch(batch->arguments);
  if (!items) return;
  std::unordered_map<std::string_view, std::size_t> keys;
  for (const BatchItem& item : *items) {
    const auto key = read_routing_key(item.command, item.arguments);
    asked_.push_back(
        {keys.try_emplace(key ? *key : std::string_view{}, keys.size()).first->second, is_write(item.command)});
  }
  keys_ = keys.size();
}

bool BatchAnswers::take(const Frame& frame, const Reply& reply) {
  PackedReader reader(reply.result);
  const std::size_t count = reader.read_array().value_or(0);
  // Every item takes a byte at least, so a forged count is not believed.
  if (count > reply.result.size() || (!items_.empty() && items_.size() != count)) return false;
  items_.resize(count);
  if (asked_.size() != count) asked_.assign(count, {});
  warnings_ = reply.info.warnings;
  bool has_ended = true;
  std::vector<Item> copy(count);
  std::vector<bool> lacks_write(keys_ + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const auto packed = reader.read_value();
    const auto outcome = packed ? read_outcome(*packed) : std::nullopt;
    if (!outcome || outcome->status == Code::kDeadlineExceeded) has_ended = false;
    if (outcome) copy[i] = {frame.slice(*packed), outcome->status, outcome->is_guaranteed, outcome->is_answer()};
    if (asked_[i].writes && !copy[i].is_answered) lacks_write[asked_[i].key] = true;
  }
  std::vector<bool> lacks_earlier(keys_ + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t key = asked_[i].key;
    if (!items_[i].is_answered && !copy[i].packed.empty()) {
      if (!asked_[i].writes && (lacks_write[key] || lacks_earlier[key])) copy[i].is_answered = false;
      items_[i] = std::move(copy[i]);
      if (items_[i].is_answered) ++answered_;
    }
    if (!items_[i].is_answered) lacks_earlier[key] = true;
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
