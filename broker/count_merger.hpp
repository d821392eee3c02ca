// COUNT: the sum over all partitions.
#pragma once

#include "broker/merger.hpp"

namespace trellis {

class CountMerger final : public Merger {
 public:
  /// @param request  the client's frame, which each partition gets as it came
  CountMerger(Frame request, bool stale, std::uint32_t partitions)
      : request_(std::move(request)), stale_(stale), partitions_(partitions), awaited_(partitions) {}

  Step start() override;
  Step on_leg(std::uint32_t number, LegResult result) override;

 private:
  Frame request_;
  bool stale_;
  std::uint32_t partitions_;
  std::uint32_t awaited_;
  std::uint64_t sum_ = 0;
  ReplyInfo info_;
};

/// What legs of KEYS, SCAN and COUNT that were answered for the freshest replica, or by nobody, do to the info.
void note_guarantee(const LegResult& result, std::uint32_t partition, ReplyInfo& info);
/// The answer where not one partition has a replica left.
MergedAnswer nobody_left(std::uint32_t partitions);

}  // namespace trellis
