#include "broker/merge/count_merger.hpp"

#include <algorithm>

#include "protocol/packed.hpp"

namespace trellis {

void note_guarantee(const LegResult& result, std::uint32_t partition, ReplyInfo& info) {
  if (!result.guaranteed) info.guaranteed = false;
  if (!result.no_replica) return;
  info.guaranteed = false;
  auto& missing = info.missing_partitions;
  const auto place = std::lower_bound(missing.begin(), missing.end(), partition);
  if (place == missing.end() || *place != partition) missing.insert(place, partition);
}

MergedAnswer nobody_left(std::uint32_t partitions) {
  return answer_of(
      {Code::kUnavailable, "no replica of any of the " + std::to_string(partitions) + " partitions is up"});
}

Merger::Step CountMerger::start() {
  Step step;
  const Frame body = body_with(request_.options);
  for (std::uint32_t i = 0; i < partitions_; ++i) step.subrequests.push_back(ask(i, body));
  return step;
}

Subrequest CountMerger::ask(std::uint32_t number, const Frame& body) const {
  Subrequest subrequest;
  subrequest.command = request_.command;
  subrequest.number = number;
  subrequest.partition = PartitionId{number};
  subrequest.stale = request_.options.stale;
  subrequest.body = body;
  return subrequest;
}

/// The same request for what follows this key.
Frame CountMerger::rest_behind(const std::string& key) const {
  const std::string next = key + '\0';
  Options options = request_.options;
  options.range.at_least = next;
  return body_with(options);
}

std::optional<Error> CountMerger::add(const Reply& reply) {
  if (reply.status != Code::kOk) return Error{reply.status, reply.info.message};
  const auto count = PackedReader(reply.result).read_uint();
  const bool says_where_it_ended = reply.info.after && !reply.info.after->empty() && request_.options.range.match;
  if (!count || reply.info.more != says_where_it_ended) {
    return Error{Code::kInternal, "a worker's answer to COUNT cannot be used"};
  }
  sum_ += *count;
  return std::nullopt;
}

Merger::Step CountMerger::on_subrequest(std::uint32_t number, LegResult result) {
  Step step;
  note_guarantee(result, number, info_);
  if (!result.no_replica) {
    std::optional<Error> error = std::move(result.error);
    const auto reply = error ? Result<Reply>(*error) : read_reply(result.body.bytes());
    if (!error)
      error = reply ? add(*reply) : std::optional(Error{Code::kInternal, "a worker's answer to COUNT is no reply"});
    if (error) {
      step.answer = answer_of(std::move(*error));
      return step;
    }
    if (reply->info.more) {
      step.subrequests.push_back(ask(number, rest_behind(*reply->info.after)));
      return step;
    }
  }
  if (--awaited_ > 0) return step;
  if (info_.missing_partitions.size() == partitions_) {
    step.answer = nobody_left(partitions_);
    return step;
  }
  step.answer.emplace();
  PackedWriter(step.answer->result).natural(sum_);
  step.answer->info = std::move(info_);
  return step;
}

}  // namespace trellis
