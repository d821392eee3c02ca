// COUNT: the sum over all partitions.
//
// With a pattern a partition counts until it has looked at enough keys, says where that was, and is asked for the rest.
#pragma once

#include <string>

#include "broker/merge/merger.hpp"
#include "protocol/command.hpp"

namespace trellis {

class CountMerger final : public Merger {
 public:
  /// @param frame    the client's
  /// @param request  what stands in it
  CountMerger(Frame frame, const Request& request, std::uint32_t partitions)
      : frame_(std::move(frame)), request_(request), partitions_(partitions), awaited_(partitions) {}

  Step start() override;
  Step on_subrequest(std::uint32_t number, LegResult result) override;

 private:
  Subrequest ask(std::uint32_t number, const Frame& body) const;
  Frame body_with(const Options& options) const { return Frame(command_body(request_.arguments, options)); }
  Frame rest_behind(const std::string& key) const;
  std::optional<Error> add(const Reply& reply);

  Frame frame_;
  Request request_;  ///< Its views point into frame_.
  std::uint32_t partitions_;
  std::uint32_t awaited_;
  std::uint64_t sum_ = 0;
  ReplyInfo info_;
};

/// What subrequests of KEYS, SCAN and COUNT that were answered for the freshest replica, or by nobody, do to the info.
void note_guarantee(const LegResult& result, std::uint32_t partition, ReplyInfo& info);
/// The answer where not one partition has a replica left.
MergedAnswer nobody_left(std::uint32_t partitions);

}  // namespace trellis
