#include "broker/merge/page_merger.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "broker/merge/count_merger.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

constexpr std::size_t kShareBytesMin = 64 << 10;
/// A share below this part of all that may be held is not worth letting go of.
constexpr std::size_t kLetGoPart = 1024;

/// Keys are spread by a hash, so of a page of n records a partition of p holds n/p, give or take its square root; with
/// some more than that most pages take one round.
std::size_t share_of(std::size_t limit, std::uint32_t partitions) {
  const double mean = static_cast<double>(limit) / partitions;
  return std::min(limit, static_cast<std::size_t>(std::ceil(mean + 3 * std::sqrt(mean))) + 4);
}

Error broken(const char* what) { return {Code::kInternal, std::string("a worker's page cannot be used: ") + what}; }

}  // namespace

PageMerger::PageMerger(Command command, const PageArguments& page, const Options& options, std::uint32_t partitions,
                       std::size_t held_max)
    : command_(command),
      prefix_(page.prefix),
      limit_(page.limit),
      stale_(options.stale),
      range_text_(options.range),
      range_(range_text_.view()),
      held_max_(held_max),
      share_(share_of(page.limit, partitions)),
      share_bytes_(static_cast<std::uint32_t>(std::max(2 * kPageSizeMax / partitions, kShareBytesMin))),
      sources_(partitions),
      last_key_(page.after) {}

Merger::Step PageMerger::start() {
  Step step;
  for (std::uint32_t i = 0; i < sources_.size(); ++i) {
    sources_[i].after = last_key_;
    step.subrequests.push_back(ask(i));
  }
  return step;
}

Subrequest PageMerger::ask(std::uint32_t number) {
  const Source& source = sources_[number];
  std::string arguments;
  PackedWriter writer(arguments);
  writer.array(3).key(prefix_).natural(std::min(share_, limit_ - count_));
  source.after ? writer.key(*source.after) : writer.nil();
  Options options;
  options.stale = stale_;
  options.range = range_;
  Subrequest subrequest;
  subrequest.number = number;
  subrequest.partition = PartitionId{number};
  subrequest.stale = stale_;
  subrequest.page_bytes = share_bytes_;
  subrequest.command = command_;
  subrequest.body = Frame(command_body(arguments, options));
  ++awaited_;
  return subrequest;
}

Merger::Step PageMerger::on_subrequest(std::uint32_t number, LegResult result) {
  --awaited_;
  note_guarantee(result, number, info_);
  if (!result.no_replica) {
    std::optional<Error> error = std::move(result.error);
    if (!error) error = load(sources_[number], std::move(result.body));
    if (error) {
      Step step;
      step.answer = answer_of(std::move(*error));
      return step;
    }
    if (!sources_[number].head_key.empty()) push(number);
  }
  return merge();
}

std::optional<Error> PageMerger::load(Source& source, Frame body) {
  auto reply = read_reply(body.bytes());
  if (!reply) return broken("it is no reply");
  if (reply->status != Code::kOk) return Error{reply->status, reply->info.message};
  source.rest = PackedReader(reply->result);
  const auto count = source.rest.read_array();
  if (!count || *count > kPageKeysMax) return broken("it is no array");
  source.left = *count;
  source.more = reply->info.more;
  source.end = std::move(reply->info.after);
  if (source.end.has_value() != (source.more && range_.match.has_value())) {
    return broken("it does not say where it ends, or there is no end to tell");
  }
  if (source.more && source.left == 0 && !source.end) return broken("it is empty and says that there is more");
  const bool gets_on = source.left > 0 || !source.end || !source.after || range_.is_before(*source.after, *source.end);
  if (!gets_on) return broken("it ends where it began");
  source.share = std::move(body);
  held_ += source.share.size();
  source.head_key = source.after ? std::string_view(*source.after) : std::string_view();
  if (auto error = advance(source)) return error;
  // What it was asked for may be gone meanwhile, and another's head the next one.
  const bool is_next = heap_.empty() || range_.is_before(source.head_key, sources_[heap_.front()].head_key);
  const bool stays = std::exchange(source.keep, false) && is_next;
  if (held_ > held_max_ && source.share.size() >= held_max_ / kLetGoPart && !stays && !source.is_at_end) let_go(source);
  return std::nullopt;
}

std::optional<Error> PageMerger::advance(Source& source) {
  const std::string_view last = source.head_key;
  if (source.left == 0) {
    if (source.end) return end_share(source, last);
    if (source.more) source.after = std::string(last);
    held_ -= source.share.size();
    source.share = Frame();
    source.head_key = {};
    source.head_record = {};
    return std::nullopt;
  }
  --source.left;
  const auto record = source.rest.read_value();
  if (!record) return broken("it is cut off");
  PackedReader reader(*record);
  if (command_ == Command::kScan && reader.read_array() != 2) return broken("a record is no pair");
  const auto key = reader.read_bytes();
  if (!key || key->empty()) return broken("a record has no key");
  if (!last.empty() && !range_.is_before(last, *key)) return broken("its keys are not in order");
  source.head_key = *key;
  source.head_record = *record;
  return std::nullopt;
}

/// The page can go on to where the share has ended, and not beyond.
std::optional<Error> PageMerger::end_share(Source& source, std::string_view last) {
  if (source.end->empty() || (!last.empty() && range_.is_before(*source.end, last))) {
    return broken("it ends before its last key");
  }
  source.is_at_end = true;
  source.kept_key = *source.end;
  held_ -= source.share.size();
  source.share = Frame();
  source.head_key = source.kept_key;
  source.head_record = {};
  return std::nullopt;
}

void PageMerger::let_go(Source& source) {
  source.kept_key = source.head_key;
  held_ -= source.share.size();
  source.share = Frame();
  source.head_key = source.kept_key;
  source.head_record = {};
}

Merger::Step PageMerger::merge() {
  Step step;
  // The next key is known once each partition has shown its own.
  while (awaited_ == 0 && !step.answer) {
    if (heap_.empty()) {
      step.answer = finish(false);
    } else {
      step.answer = take(pop(), step);
    }
  }
  return step;
}

/// Puts the head of this source on the page, or asks for what that takes; the answer, if the page ends.
std::optional<MergedAnswer> PageMerger::take(std::uint32_t number, Step& step) {
  Source& source = sources_[number];
  if (source.is_at_end) {
    last_key_ = source.head_key;
    return finish(true);
  }
  if (source.head_record.empty()) {
    source.keep = true;
    source.head_key = {};
    source.after = last_key_;
    step.subrequests.push_back(ask(number));
    return std::nullopt;
  }
  if (count_ > 0 && records_.size() + source.head_record.size() > kPageSizeMax) return finish(true);
  records_.append(source.head_record);
  last_key_ = source.head_key;
  ++count_;
  const bool was_last = source.left == 0 && !source.end;
  if (count_ == limit_) return finish(!heap_.empty() || !was_last || source.more);
  if (auto error = advance(source)) return answer_of(std::move(*error));
  if (!was_last) {
    push(number);
  } else if (source.more) {
    step.subrequests.push_back(ask(number));
  }
  return std::nullopt;
}

MergedAnswer PageMerger::finish(bool more) {
  if (info_.missing_partitions.size() == sources_.size()) {
    return nobody_left(static_cast<std::uint32_t>(sources_.size()));
  }
  MergedAnswer answer;
  answer.result.reserve(records_.size() + 5);
  PackedWriter(answer.result).array(count_).packed(records_);
  answer.info = std::move(info_);
  answer.info.more = more;
  if (more && range_.match) answer.info.after = last_key_;
  return answer;
}

void PageMerger::push(std::uint32_t number) {
  heap_.push_back(number);
  std::push_heap(heap_.begin(), heap_.end(), [this](auto a, auto b) { return comes_later(a, b); });
}

std::uint32_t PageMerger::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), [this](auto a, auto b) { return comes_later(a, b); });
  const std::uint32_t number = heap_.back();
  heap_.pop_back();
  return number;
}

}  // namespace trellis
