#include "broker/count_merger.hpp"

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
  for (std::uint32_t i = 0; i < partitions_; ++i) {
    Leg leg;
    leg.number = i;
    leg.partition = PartitionId{i};
    leg.stale = stale_;
    leg.body = request_;
    step.legs.push_back(std::move(leg));
  }
  return step;
}

Merger::Step CountMerger::on_leg(std::uint32_t number, LegResult result) {
  Step step;
  note_guarantee(result, number, info_);
  if (!result.no_replica) {
    if (result.error) {
      step.answer = answer_of(std::move(*result.error));
      return step;
    }
    const auto reply = read_reply(result.body.bytes());
    const auto count = reply ? PackedReader(reply->result).read_uint() : std::nullopt;
    if (!reply || (reply->status == Code::kOk && !count)) {
      step.answer = answer_of({Code::kInternal, "a worker's answer to COUNT cannot be read"});
      return step;
    }
    if (reply->status != Code::kOk) {
      step.answer = answer_of({reply->status, reply->info.message});
      return step;
    }
    sum_ += *count;
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
