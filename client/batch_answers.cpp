#include "client/batch_answers.hpp"

#include <algorithm>
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
    add(keys.try_emplace(key ? *key : std::string_view{}, keys.size()).first->second, is_write(item.command));
  }
}

void BatchAnswers::add(std::size_t key, bool writes) {
  asked_.push_back({key, writes});
  if (key == keys_.size()) keys_.emplace_back();
  if (writes) ++keys_[key].writes;
}

bool BatchAnswers::take(const Frame& frame, const Reply& reply) {
  PackedReader reader(reply.result);
  const std::size_t count = reader.read_array().value_or(0);
  // Every item takes a byte at least, so a forged count is not believed.
  if (count > reply.result.size() || (!items_.empty() && items_.size() != count)) return false;
  if (asked_.size() != count) {  // Nobody can read the request: each item is taken by itself.
    asked_.clear(), keys_.clear();
    for (std::size_t i = 0; i < count; ++i) add(i, true);
  }
  items_.resize(count);
  warnings_ = reply.info.warnings;
  bool has_ended = true;
  std::vector<Item> copy(count);
  for (Item& item : copy) {
    const auto packed = reader.read_value();
    const auto outcome = packed ? read_outcome(*packed) : std::nullopt;
    if (!outcome || outcome->status == Code::kDeadlineExceeded) has_ended = false;
    if (outcome) item = {frame.slice(*packed), outcome->status, outcome->is_guaranteed, outcome->is_answer()};
  }
  const std::vector<Standing> standings = standings_of(copy);
  take_writes(copy);
  take_reads(copy, standings);
  answered_ = static_cast<std::size_t>(
      std::count_if(items_.begin(), items_.end(), [](const Item& item) { return item.is_answered; }));
  return has_ended;
}

std::vector<BatchAnswers::Standing> BatchAnswers::standings_of(const std::vector<Item>& copy) const {
  std::vector<Standing> standings(keys_.size());
  for (std::size_t i = 0; i < copy.size(); ++i) {
    if (!copy[i].is_answered) continue;
    Standing& standing = standings[asked_[i].key];
    ++(asked_[i].writes ? standing.writes : standing.reads);
  }
  return standings;
}

void BatchAnswers::take_writes(std::vector<Item>& copy) {
  for (std::size_t i = 0; i < copy.size(); ++i) {
    if (!asked_[i].writes || items_[i].is_answered || copy[i].packed.empty()) continue;
    if (copy[i].is_answered) ++keys_[asked_[i].key].writes_done;
    items_[i] = std::move(copy[i]);
  }
}

void BatchAnswers::take_reads(std::vector<Item>& copy, const std::vector<Standing>& standings) {
  for (std::size_t i = 0; i < copy.size(); ++i) {
    if (asked_[i].writes) continue;
    const Key& key = keys_[asked_[i].key];
    const Standing& standing = standings[asked_[i].key];
    // Where neither was answered a read, what was said last stands.
    const bool is_better = standing > key.reads_from || (standing == key.reads_from && standing.reads == 0);
    if (is_better) items_[i] = std::move(copy[i]);
    const std::size_t writes = is_better ? standing.writes : key.reads_from.writes;
    if (writes < key.writes_done) items_[i] = Item{};
    items_[i].is_answered = items_[i].is_answered && writes == key.writes;
  }
  for (std::size_t key = 0; key < keys_.size(); ++key) {
    keys_[key].reads_from = std::max(keys_[key].reads_from, standings[key]);
  }
}

std::string BatchAnswers::pack(std::uint64_t id, const Error* instead) const {
  Reply reply;
  reply.id = id;
  reply.info.warnings = warnings_;
  ReplyInfo why;
  why.message = instead != nullptr ? instead->message : "no copy was answered this item beside the others of its key";
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
