#include "broker/merge/batch_merger.hpp"

#include <algorithm>
#include <map>
#include <tuple>

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
                         std::size_t result_bytes_max, LeaderOf leader_of)
    : frame_(std::move(frame)),
      asked_(std::move(items)),
      items_(asked_.size()),
      partitions_(partitions),
      result_bytes_max_(result_bytes_max),
      leader_of_(std::move(leader_of)) {}

Merger::Step BatchMerger::start() {
  std::vector<Part> parts = parts_of(places());
  if (frame_.size() <= kJointReadsBytesMax) parts = joined(std::move(parts));
  Step step;
  const std::size_t share = result_bytes_max_ / std::max<std::size_t>(1, parts.size());
  for (Part& part : parts) {
    part.bytes_max =
        part.writes ? std::max(share, kMixedLegBytesMin) : std::clamp(share, kSubrequestBytesMin, kSubrequestBytesMax);
    step.subrequests.push_back(ask(std::move(part)));
  }
  if (parts_.empty()) step.answer = finish();
  return step;
}

/// By partition, and within it in the order asked.  Bad items have their errors afterwards.
std::vector<BatchMerger::Place> BatchMerger::places() {
  std::vector<Place> places;
  places.reserve(asked_.size());
  for (std::uint32_t i = 0; i < asked_.size(); ++i) {
    const BatchItem& item = asked_[i];
    items_[i].packed = item.packed;
    items_[i].is_write = is_write(item.command);
    if (item.error) {
      set_error(i, *item.error);
    } else if (const auto key = read_routing_key(item.command, item.arguments); !key) {
      set_error(i, key.error());
    } else {
      places.push_back({partition_of(*key, partitions_), item.options.stale, i});
    }
  }
  asked_ = {};
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tuple(a.partition, a.stale, a.item) < std::tuple(b.partition, b.stale, b.item);
  });
  return places;
}

std::vector<BatchMerger::Part> BatchMerger::parts_of(const std::vector<Place>& places) const {
  std::vector<Part> parts;
  for (const Place& place : places) {
    if (parts.empty() || parts.back().partition != place.partition || parts.back().stale != place.stale) {
      Part& part = parts.emplace_back();
      part.partition = place.partition;
      part.stale = place.stale;
    }
    parts.back().writes = parts.back().writes || items_[place.item].is_write;
    parts.back().items.push_back(place.item);
  }
  return parts;
}

/// Those that are only read, and by one leader, become one.
std::vector<BatchMerger::Part> BatchMerger::joined(std::vector<Part> parts) const {
  std::map<WorkerId, Part> by_leader;
  std::vector<Part> joined;
  for (Part& part : parts) {
    const WorkerId leader = part.writes || part.stale ? WorkerId{} : leader_of_(part.partition);
    if (leader.value == 0) {
      joined.push_back(std::move(part));
      continue;
    }
    Part& whole = by_leader[leader];
    if (whole.joint.empty()) whole.partition = part.partition;
    whole.joint.push_back({part.partition, {}, static_cast<std::uint32_t>(part.items.size())});
    whole.items.insert(whole.items.end(), part.items.begin(), part.items.end());
  }
  for (auto& [leader, whole] : by_leader) {
    if (whole.joint.size() == 1) whole.joint.clear();
    joined.push_back(std::move(whole));
  }
  return joined;
}

/// One for each of its partitions.
std::vector<BatchMerger::Part> BatchMerger::come_apart(const Part& part) {
  std::vector<Part> apart;
  auto from = part.items.begin();
  for (const JointPart& each : part.joint) {
    Part& one = apart.emplace_back();
    one.partition = each.partition;
    one.bytes_max = part.bytes_max;
    one.items.assign(from, from + each.items);
    from += each.items;
  }
  return apart;
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
  for (const std::uint32_t i : part.items) items_[i].asked_with = number;
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
  subrequest.kind = part.joint.empty() ? RequestKind::kBatch : RequestKind::kReads;
  subrequest.joint = part.joint;
  subrequest.silenced = part.silenced;
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
  if (result.comes_apart) {
    for (Part& each : come_apart(part)) {
      each.silenced = result.silenced;
      step.subrequests.push_back(ask(std::move(each)));
    }
  } else if (result.error) {
    fail(std::move(part), *result.error, step);
  } else {
    std::vector<std::uint32_t> did_not_fit = read_results(number, part, result);
    part.joint.empty() ? put_off(std::move(part), std::move(did_not_fit)) : put_off_joint(part);
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

/// Returns those that did not fit into the reply.
std::vector<std::uint32_t> BatchMerger::read_results(std::uint32_t number, const Part& part, const LegResult& result) {
  PackedReader reader(result.body.bytes());
  for (std::uint32_t left = reader.read_array().value_or(0); left > 0; --left) {
    const auto packed = reader.read_value();
    if (!packed) break;
    PackedReader element(*packed);
    const auto elements = element.read_array();
    const auto index = element.read_uint();
    if (elements != 4 || !index || *index >= items_.size()) break;
    Item& item = items_[*index];
    if (item.asked_with != number) break;
    item.asked_with = kNotAsked;
    const std::string_view outcome = packed->substr(element.position());
    if (!item.is_write && element.read_str() == name_of(Code::kResourceExhausted)) continue;
    set_result(static_cast<std::uint32_t>(*index), result.body, outcome, result.guaranteed);
  }
  std::vector<std::uint32_t> did_not_fit;
  for (const std::uint32_t i : part.items) {
    if (items_[i].asked_with == number)
      set_error(i, {Code::kInternal, "a worker's answer to this item cannot be read"});
    if (!items_[i].is_set) did_not_fit.push_back(i);
  }
  return did_not_fit;
}

/// The partitions' reads that did not fit beside one another are asked again, each partition's by themselves.
void BatchMerger::put_off_joint(const Part& part) {
  for (Part& each : come_apart(part)) {
    std::erase_if(each.items, [this](std::uint32_t item) { return items_[item].is_set; });
    if (!each.items.empty()) put_off_.push_back(std::move(each));
  }
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
