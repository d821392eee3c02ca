#include "client/backup/cut_attempt.hpp"

#include "protocol/packed.hpp"

namespace trellis {

std::vector<CutAsk> CutAttempt::begin() {
  std::vector<CutAsk> asks;
  for (const std::uint32_t partition : partitions_) {
    asks.push_back({partition, Command::kFence, pack_fence({partition, FenceAction::kBegin, {}}), kTimeout});
  }
  awaited_ = partitions_;
  if (partitions_.empty()) phase_ = Phase::kFailed;
  return asks;
}

std::vector<CutAsk> CutAttempt::on_answer(const CutAsk& ask, const Reply& reply) {
  const bool is_expected = ask.command == (phase_ == Phase::kFencing ? Command::kFence : Command::kFenceHolds);
  if (is_over() || !is_expected || awaited_.erase(ask.partition) == 0) return {};
  phase_ == Phase::kFencing ? take_fence(ask.partition, reply) : take_word(ask.partition, reply);
  if (!awaited_.empty()) return {};
  if (has_failed_) {
    phase_ = Phase::kFailed;
    return ask_all(FenceAction::kEnd);
  }
  if (phase_ == Phase::kAsking) {
    phase_ = Phase::kMade;
    return ask_all(FenceAction::kKeep);
  }
  phase_ = Phase::kAsking;
  awaited_ = partitions_;
  std::vector<CutAsk> asks;
  for (const auto& [partition, fence] : fences_) {
    asks.push_back({partition, Command::kFenceHolds, pack_fence_holds(partition, fence.name), kTimeout});
  }
  return asks;
}

void CutAttempt::take_fence(std::uint32_t partition, const Reply& reply) {
  const auto fence = reply.status == Code::kOk ? read_fence_result(reply.result) : Result<Fence>(Error{});
  if (!fence) return fail(partition, reply);
  fences_[partition] = *fence;
}

void CutAttempt::take_word(std::uint32_t partition, const Reply& reply) {
  if (reply.status != Code::kOk) return fail(partition, reply);
  // What no majority stands behind says nothing of a leader.
  if (reply.info.guaranteed && PackedReader(reply.result).read_bool() == true) return;
  has_failed_ = true;
  reason_ = "the leader of partition " + std::to_string(partition) + " did not hold its fence";
}

void CutAttempt::fail(std::uint32_t partition, const Reply& reply) {
  has_failed_ = true;
  const std::string message = reply.info.message.empty() ? std::string(name_of(reply.status)) : reply.info.message;
  unreachable_[partition] = message;
}

std::vector<CutAsk> CutAttempt::ask_all(FenceAction action) const {
  std::vector<CutAsk> asks;
  for (const auto& [partition, fence] : fences_) {
    asks.push_back({partition, Command::kFence, pack_fence({partition, action, fence.name}), kTimeout, false});
  }
  return asks;
}

}  // namespace trellis
