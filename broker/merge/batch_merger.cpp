#include "broker/merge/batch_merger.hpp"

#include <algorithm>
#include <map>

#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// What a worker may fill a leg's reply with, at least: one document of any size comes through anyway.
constexpr std::size_t kLegBytesMin = 1 << 20;
/// The same where reads stand among writes: those cannot be asked again, since their place in the order is gone.
constexpr std::size_t kMixedLegBytesMin = 2 * kDocumentSizeMax;

void pack_outcome(std::string& out, Code status, std::string_view packed_result, const ReplyInfo& info) {
  PackedWriter writer(out);
  writer.str(name_of(status));
  packed_result.empty() ? writer.nil() : writer.packed(packed_result);
  pack_info(out, info);
}

}  // namespace

BatchMerger::BatchMerger(Frame frame, std::vector<BatchItem> items, std::uint32_t partitions,
                         std::size_t result_bytes_max)
    : frame_(std::move(frame)),
      items_(std::move(items)),
      partitions_(partitions),
      result_bytes_max_(result_bytes_max),
      outcomes_(items_.size()) {}

Merger::Step BatchMerger::start() {
  std::map<std::pair<PartitionId, bool>, Part> parts;
  for (std::uint32_t i = 0; i < items_.size(); ++i) {
    const BatchItem& item = items_[i];
    if (item.error) {
      set_error(i, *item.error);
      continue;
    }
    const auto key = read_routing_key(item.command, item.arguments);
    if (!key) {
      set_error(i, key.error());
      continue;
    }
    const PartitionId partition = partition_of(*key, partitions_);
    Part& part = parts[{partition, item.options.stale}];
    part.partition = partition;
    part.stale = item.options.stale;
    part.writes = part.writes || is_write(item.command);
    part.items.push_back(i);
  }
  Step step;
  for (auto& [place, part] : parts) {
    part.bytes_max = std::max(result_bytes_max_ / parts.size(), part.writes ? kMixedLegBytesMin : kLegBytesMin);
    step.legs.push_back(ask(std::move(part)));
  }
  if (parts_.empty()) step.answer = finish();
  return step;
}

Leg BatchMerger::ask(Part part) {
  parts_.push_back(std::move(part));
  ++awaited_;
  return leg_of(static_cast<std::uint32_t>(parts_.size() - 1));
}

Leg BatchMerger::leg_of(std::uint32_t number) {
  const Part& part = parts_[number];
  std::string body;
  PackedWriter writer(body);
  writer.array(part.items.size());
  for (const std::uint32_t i : part.items) {
    // The item as it came, with its position in front.
    PackedReader reader(items_[i].packed);
    const std::uint32_t elements = *reader.read_array();
    writer.array(elements + 1).natural(i).packed(items_[i].packed.substr(reader.position()));
  }
  Leg leg;
  leg.number = number;
  leg.partition = part.partition;
  leg.kind = RequestKind::kBatch;
  leg.stale = part.stale;
  leg.writes = part.writes;
  leg.page_bytes = static_cast<std::uint32_t>(part.bytes_max);
  leg.body = Frame(std::move(body));
  return leg;
}

Merger::Step BatchMerger::on_leg(std::uint32_t number, LegResult result) {
  Step step;
  --awaited_;
  if (result.error) {
    fail(number, *result.error, step);
  } else {
    read_results(Part(parts_[number]), result);
  }
  if (awaited_ == 0) ask_what_was_put_off(step);
  if (awaited_ == 0) step.answer = finish();
  return step;
}

/// Nothing came of a leg.  Its reads may still be answered without a majority, if they are asked by themselves.
void BatchMerger::fail(std::uint32_t number, const Error& error, Step& step) {
  const Part part = parts_[number];
  Part reads = part;
  reads.items.clear();
  reads.writes = false;
  for (const std::uint32_t i : part.items) {
    if (part.writes && error.code == Code::kUnavailable && !is_write(items_[i].command)) {
      reads.items.push_back(i);
    } else {
      set_error(i, error);
    }
  }
  if (reads.items.empty()) return;
  step.legs.push_back(ask(std::move(reads)));
}

void BatchMerger::read_results(const Part& part, const LegResult& result) {
  std::vector<std::uint32_t> did_not_fit;
  PackedReader reader(result.body.bytes());
  for (std::uint32_t left = reader.read_array().value_or(0); left > 0; --left) {
    const auto packed = reader.read_value();
    if (!packed) break;
    PackedReader element(*packed);
    const auto elements = element.read_array();
    const auto index = element.read_uint();
    if (elements != 4 || !index || *index >= items_.size()) break;
    const auto item = static_cast<std::uint32_t>(*index);
    if (!std::binary_search(part.items.begin(), part.items.end(), item)) break;
    const std::string_view outcome = packed->substr(element.position());
    if (!is_write(items_[item].command) && element.read_str() == name_of(Code::kResourceExhausted)) {
      did_not_fit.push_back(item);
    } else {
      set_result(item, result.body, outcome, result.guaranteed);
    }
  }
  put_off(part, std::move(did_not_fit));
  for (const std::uint32_t item : part.items) {
    if (outcomes_[item].is_set || is_put_off(item)) continue;
    set_error(item, {Code::kInternal, "a worker's answer to this item cannot be read"});
  }
}

/// These reads did not fit into the leg's share.  A worker lets at least one through, so asking again comes to an end.
/// Reads among writes saw the moment between them, which does not come again.
void BatchMerger::put_off(const Part& part, std::vector<std::uint32_t> items) {
  if (items.empty()) return;
  if (part.writes || items.size() == part.items.size()) {
    for (const std::uint32_t item : items) set_error(item, too_large());
    return;
  }
  Part rest = part;
  rest.items = std::move(items);
  put_off_.push_back(std::move(rest));
}

bool BatchMerger::is_put_off(std::uint32_t item) const {
  return std::any_of(put_off_.begin(), put_off_.end(), [item](const Part& part) {
    return std::binary_search(part.items.begin(), part.items.end(), item);
  });
}

void BatchMerger::ask_what_was_put_off(Step& step) {
  while (!put_off_.empty()) {
    Part part = std::move(put_off_.back());
    put_off_.pop_back();
    part.bytes_max = result_bytes_max_ - std::min(result_bytes_, result_bytes_max_);
    if (part.bytes_max > 0) return step.legs.push_back(ask(std::move(part)));
    for (const std::uint32_t item : part.items) set_error(item, too_large());
  }
}

Error BatchMerger::too_large() const {
  return {Code::kResourceExhausted, "the results of this BATCH are larger than " + std::to_string(result_bytes_max_) +
                                        " bytes; ask for the rest in another one"};
}

void BatchMerger::set_result(std::uint32_t item, const Frame& body, std::string_view packed, bool guaranteed) {
  const bool is_read = !is_write(items_[item].command);
  if (is_read && result_bytes_ + packed.size() > result_bytes_max_) {
    return set_error(item, too_large());
  }
  result_bytes_ += packed.size();
  if (guaranteed) return set(item, body.slice(packed));
  guaranteed_ = false;
  PackedReader reader(packed);
  const auto status = reader.read_str();
  const auto code = status ? code_of(*status) : std::nullopt;
  const auto value = reader.read_value();
  auto info = value ? read_info(packed.substr(reader.position())) : Result<ReplyInfo>(invalid_argument(""));
  if (!code || !info) return set(item, body.slice(packed));
  info->guaranteed = false;
  std::string marked;
  pack_outcome(marked, *code, *value, *info);
  set(item, Frame(std::move(marked)));
}

void BatchMerger::set(std::uint32_t item, Frame packed) {
  Outcome& outcome = outcomes_[item];
  if (outcome.is_set) return;
  outcome.is_set = true;
  outcome.packed = packed.bytes();
  outcome.owner = std::move(packed);
}

void BatchMerger::set_error(std::uint32_t item, const Error& error) {
  ReplyInfo info;
  info.message = error.message;
  std::string packed;
  pack_outcome(packed, error.code, {}, info);
  set(item, Frame(std::move(packed)));
}

MergedAnswer BatchMerger::finish() {
  MergedAnswer answer;
  std::size_t size = 5;
  for (const Outcome& outcome : outcomes_) size += 1 + outcome.packed.size();
  answer.result.reserve(size);
  PackedWriter writer(answer.result);
  writer.array(outcomes_.size());
  for (const Outcome& outcome : outcomes_) writer.array(3).packed(outcome.packed);
  answer.info.guaranteed = guaranteed_;
  return answer;
}

}  // namespace trellis
