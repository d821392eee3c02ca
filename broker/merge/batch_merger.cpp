#include "broker/merge/batch_merger.hpp"

#include <algorithm>
#include <map>

#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// What a worker may fill a subrequest's reply with, at least: one document of any size comes through anyway.
constexpr std::size_t kSubrequestBytesMin = 1 << 20;
/// And at most: large results come in pieces, between which others have their turns at the worker and on the link.
constexpr std::size_t kSubrequestBytesMax = 4 << 20;
/// The same where reads stand among writes: those cannot be asked again, since their place in the order is gone.
constexpr std::size_t kMixedLegBytesMin = 2 * kDocumentSizeMax;
/// A subrequest asks for at most so many times the items of which the one before it brought results.
constexpr std::size_t kGrowth = 4;

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
      asked_(std::move(items)),
      items_(asked_.size()),
      partitions_(partitions),
      result_bytes_max_(result_bytes_max) {}

Merger::Step BatchMerger::start() {
  std::map<std::pair<PartitionId, bool>, Part> parts;
  for (std::uint32_t i = 0; i < asked_.size(); ++i) {
    const BatchItem& item = asked_[i];
    items_[i].packed = item.packed;
    items_[i].is_write = is_write(item.command);
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
    part.writes = part.writes || items_[i].is_write;
    part.items.push_back(i);
  }
  asked_ = {};
  Step step;
  for (auto& [place, part] : parts) {
    const std::size_t share = result_bytes_max_ / parts.size();
    part.bytes_max =
        part.writes ? std::max(share, kMixedLegBytesMin) : std::clamp(share, kSubrequestBytesMin, kSubrequestBytesMax);
    step.subrequests.push_back(ask(std::move(part)));
  }
  if (parts_.empty()) step.answer = finish();
  return step;
}

Subrequest BatchMerger::ask(Part part) {
  bytes_asked_ += part.bytes_max;
  parts_.push_back(std::move(part));
  ++awaited_;
  return subrequest_of(static_cast<std::uint32_t>(parts_.size() - 1));
}

Subrequest BatchMerger::subrequest_of(std::uint32_t number) {
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
  Subrequest subrequest;
  subrequest.number = number;
  subrequest.partition = part.partition;
  subrequest.kind = RequestKind::kBatch;
  subrequest.stale = part.stale;
  subrequest.writes = part.writes;
  subrequest.page_bytes = static_cast<std::uint32_t>(part.bytes_max);
  subrequest.body = Frame(std::move(body));
  return subrequest;
}

Merger::Step BatchMerger::on_subrequest(std::uint32_t number, LegResult result) {
  Step step;
  --awaited_;
  Part part = std::move(parts_[number]);
  bytes_asked_ -= part.bytes_max;
  if (result.error) {
    fail(std::move(part), *result.error, step);
  } else {
    read_results(std::move(part), result);
  }
  ask_what_was_put_off(step);
  if (awaited_ == 0) step.answer = finish();
  return step;
}

/// Nothing came of a subrequest.  Its reads may still be answered without a majority, if they are asked by themselves.
void BatchMerger::fail(Part part, const Error& error, Step& step) {
  part.items.insert(part.items.end(), part.later.begin(), part.later.end());
  Part reads = part;
  reads.items.clear();
  reads.later.clear();
  reads.writes = false;
  for (const std::uint32_t i : part.items) {
    if (part.writes && error.code == Code::kUnavailable && !items_[i].is_write) {
      reads.items.push_back(i);
    } else {
      set_error(i, error);
    }
  }
  if (reads.items.empty()) return;
  step.subrequests.push_back(ask(std::move(reads)));
}

void BatchMerger::read_results(Part part, const LegResult& result) {
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
    if (!items_[item].is_write && element.read_str() == name_of(Code::kResourceExhausted)) {
      did_not_fit.push_back(item);
    } else {
      set_result(item, result.body, outcome, result.guaranteed);
    }
  }
  for (const std::uint32_t item : part.items) {
    if (items_[item].is_set || std::binary_search(did_not_fit.begin(), did_not_fit.end(), item)) continue;
    set_error(item, {Code::kInternal, "a worker's answer to this item cannot be read"});
  }
  put_off(std::move(part), std::move(did_not_fit));
}

/// These reads did not fit into what the subrequest's reply might hold.  A worker lets at least one through, so asking
/// again comes to an end.  Reads among writes saw the moment between them, which does not come again.
void BatchMerger::put_off(Part part, std::vector<std::uint32_t> items) {
  const std::size_t fitted = part.items.size() - items.size();
  const bool may_be_asked_again = !part.writes && fitted > 0;
  items.insert(items.end(), part.later.begin(), part.later.end());
  if (items.empty()) return;
  if (!may_be_asked_again) {
    for (const std::uint32_t item : items) set_error(item, too_large());
    return;
  }
  // What cannot fit next time either is not sent along.
  const std::size_t next = std::min(items.size(), kGrowth * fitted);
  const auto behind = items.begin() + static_cast<std::ptrdiff_t>(next);
  part.later.assign(behind, items.end());
  items.erase(behind, items.end());
  part.items = std::move(items);
  put_off_.push_back(std::move(part));
}

/// As far as the whole has room beside what is under way.
void BatchMerger::ask_what_was_put_off(Step& step) {
  while (!put_off_.empty()) {
    Part& part = put_off_.back();
    const std::size_t used = is_full_ ? result_bytes_max_ : result_bytes_ + bytes_asked_;
    part.bytes_max = std::min(kSubrequestBytesMax, result_bytes_max_ - std::min(used, result_bytes_max_));
    if (part.bytes_max > 0) {
      step.subrequests.push_back(ask(std::move(part)));
    } else if (awaited_ > 0) {
      return;
    } else {
      part.items.insert(part.items.end(), part.later.begin(), part.later.end());
      for (const std::uint32_t item : part.items) set_error(item, too_large());
    }
    put_off_.pop_back();
  }
}

Error BatchMerger::too_large() const {
  return {Code::kResourceExhausted, "the results of this BATCH are larger than " + std::to_string(result_bytes_max_) +
                                        " bytes; ask for the rest in another one"};
}

void BatchMerger::set_result(std::uint32_t item, const Frame& body, std::string_view packed, bool guaranteed) {
  const bool is_read = !items_[item].is_write;
  is_full_ = is_full_ || (is_read && result_bytes_ + packed.size() > result_bytes_max_);
  if (is_read && is_full_) return set_error(item, too_large());
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
  if (items_[item].is_set) return;
  items_[item].is_set = true;
  items_[item].outcome = std::move(packed);
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
  PackedWriter(answer.result).array(items_.size());
  answer.outcomes.reserve(items_.size());
  for (Item& item : items_) answer.outcomes.push_back(std::move(item.outcome));
  answer.info.guaranteed = guaranteed_;
  return answer;
}

}  // namespace trellis
