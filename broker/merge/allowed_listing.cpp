#include "broker/merge/allowed_listing.hpp"

#include <algorithm>

#include "broker/merge/count_merger.hpp"
#include "broker/merge/page_merger.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

KeyRange range_of(const KeyInterval& interval, KeyRange range) {
  range.at_least = interval.from.empty() ? std::nullopt : std::optional<std::string_view>(interval.from);
  range.below = interval.below;
  return range;
}

/// The key of the last of these records; nothing where there is none.
std::optional<std::string> last_key_of(Command command, std::string_view records) {
  PackedReader reader(records);
  std::optional<std::string> last;
  while (const auto record = reader.read_value()) {
    PackedReader value(*record);
    if (command == Command::kScan && !value.read_array()) return std::nullopt;
    if (const auto key = value.read_bytes()) last = std::string(*key);
  }
  return last;
}

}  // namespace

AllowedListing::AllowedListing(const Request& request, Frame frame, std::vector<KeyInterval> intervals,
                               std::uint32_t partitions, const BrokerLimits& limits)
    : frame_(std::move(frame)),
      request_(request),
      intervals_(std::move(intervals)),
      partitions_(partitions),
      limits_(limits) {
  if (!counts()) page_ = read_page(request_.arguments).operator*();
  if (request_.options.range.reverse) std::reverse(intervals_.begin(), intervals_.end());
  info_.filtered = true;
}

bool AllowedListing::lies_before_the_page(const KeyInterval& interval) const {
  if (counts() || !page_.after) return false;
  if (request_.options.range.reverse) return interval.from >= *page_.after;
  return interval.below && *interval.below <= *page_.after;
}

std::unique_ptr<Merger> AllowedListing::next_listing() {
  while (next_ < intervals_.size() && lies_before_the_page(intervals_[next_])) ++next_;
  if (next_ == intervals_.size()) return nullptr;
  const KeyInterval& interval = intervals_[next_++];
  Options options = request_.options;
  options.range = range_of(interval, options.range);
  options.as.reset();
  ++begun_;
  if (counts()) {
    Request request = request_;
    request.options = options;
    return std::make_unique<CountMerger>(frame_, request, partitions_);
  }
  PageArguments page = page_;
  page.limit = looks_for_more_ ? 1 : page_.limit - count_;
  const Command command = looks_for_more_ ? Command::kKeys : request_.command;
  return std::make_unique<PageMerger>(command, page, options, partitions_, limits_.page_held);
}

Merger::Step AllowedListing::start() {
  listing_ = next_listing();
  if (listing_ != nullptr) return go_on(listing_->start());
  Step step;
  step.answer = finish();
  return step;
}

Merger::Step AllowedListing::on_subrequest(std::uint32_t number, LegResult result) {
  const std::uint32_t listing = number / partitions_ + 1;
  if (listing != begun_) return {};  // Its interval has ended.
  return go_on(listing_->on_subrequest(number % partitions_, std::move(result)));
}

/// Subrequests are numbered by interval and partition.
Merger::Step AllowedListing::go_on(Step step) {
  while (step.answer) {
    if (step.answer->status != Code::kOk) return step;
    if (take(*step.answer)) {
      step.answer = finish();
      return step;
    }
    listing_ = next_listing();
    if (listing_ == nullptr) {
      step.answer = finish();
      return step;
    }
    step = listing_->start();
  }
  for (Subrequest& each : step.subrequests) each.number += (begun_ - 1) * partitions_;
  return step;
}

void AllowedListing::note(const ReplyInfo& info) {
  info_.guaranteed = info_.guaranteed && info.guaranteed;
  for (const std::uint32_t partition : info.missing_partitions) {
    auto& missing = info_.missing_partitions;
    const auto place = std::lower_bound(missing.begin(), missing.end(), partition);
    if (place == missing.end() || *place != partition) missing.insert(place, partition);
  }
}

bool AllowedListing::take(MergedAnswer& answer) {
  note(answer.info);
  PackedReader reader(answer.result);
  if (counts()) {
    sum_ += reader.read_uint().value_or(0);
    return false;
  }
  const std::uint32_t records = reader.read_array().value_or(0);
  if (looks_for_more_) {
    info_.more = records > 0 || answer.info.more;
    return info_.more;
  }
  const std::string_view packed = std::string_view(answer.result).substr(reader.position());
  if (count_ > 0 && records_.size() + packed.size() > kPageSizeMax) {
    info_.more = true;  // What came of this interval is asked for again, with the next page.
    return true;
  }
  records_ += packed;
  count_ += records;
  if (auto last = last_key_of(request_.command, packed)) last_key_ = std::move(last);
  info_.more = answer.info.more;
  if (answer.info.after) last_key_ = std::move(answer.info.after);
  looks_for_more_ = count_ == page_.limit;
  return info_.more;
}

MergedAnswer AllowedListing::finish() {
  MergedAnswer answer;
  PackedWriter writer(answer.result);
  if (counts()) {
    writer.natural(sum_);
  } else {
    writer.array(count_).packed(records_);
    if (info_.more && request_.options.range.match) info_.after = last_key_;
  }
  answer.info = std::move(info_);
  return answer;
}

}  // namespace trellis
