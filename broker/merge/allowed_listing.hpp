// KEYS, SCAN and COUNT for a user who may see a part of what it asks for: the listing of each interval that it may
// see, one after the other, put together into one answer that says `filtered`.
//
// Invariant: what it asks of partitions lies within the intervals, so nothing else comes to the broker.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/merge/merger.hpp"
#include "broker/options.hpp"
#include "protocol/access/permissions.hpp"
#include "protocol/command.hpp"

namespace trellis {

class AllowedListing final : public Merger {
 public:
  /// @param request    KEYS, SCAN or COUNT, in `frame`, its arguments checked
  /// @param intervals  what may be seen of it, in byte order; at least one
  AllowedListing(const Request& request, Frame frame, std::vector<KeyInterval> intervals, std::uint32_t partitions,
                 const BrokerLimits& limits);

  Step start() override;
  Step on_subrequest(std::uint32_t number, LegResult result) override;

 private:
  bool counts() const { return request_.command == Command::kCount; }
  /// Begins with the next interval.  Null: there is none.
  std::unique_ptr<Merger> next_listing();
  bool lies_before_the_page(const KeyInterval& interval) const;
  Step go_on(Step step);
  /// The interval has ended so.  Whether the page has ended with it.
  bool take(MergedAnswer& answer);
  MergedAnswer finish();
  void note(const ReplyInfo& info);

  Frame frame_;
  Request request_;  ///< Its views point into frame_.
  PageArguments page_;
  std::vector<KeyInterval> intervals_;  ///< In the order of the listing.
  std::uint32_t partitions_;
  const BrokerLimits limits_;

  std::size_t next_ = 0;  ///< The interval to come.
  std::uint32_t begun_ = 0;
  std::unique_ptr<Merger> listing_;
  bool looks_for_more_ = false;  ///< The page is full: only whether there is more is asked.

  std::string records_;
  std::size_t count_ = 0;
  std::optional<std::string> last_key_;
  std::uint64_t sum_ = 0;
  ReplyInfo info_;
};

}  // namespace trellis
