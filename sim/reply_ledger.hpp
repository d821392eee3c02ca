// ReplyLedger: of each request that a broker has taken in, whether its one reply has left, and in time.
//
// One incarnation of a broker has one ledger, by that broker's own clock.  A request whose head cannot be read is not
// in it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/types.hpp"

namespace trellis::sim {

class ReplyLedger {
 public:
  /// The broker's timers are so coarse.
  static constexpr Duration kSlack = std::chrono::milliseconds(50);

  void on_request(std::string_view client, std::string_view frame, TimePoint now);
  /// What is wrong with this reply: nobody has asked for it, or it has been given.  Nothing: all is well.
  std::optional<std::string> on_reply(std::string_view client, std::string_view frame);
  /// At the end of each turn: a request whose deadline has passed and that is still without a reply.
  std::optional<std::string> overdue(TimePoint now) const;

 private:
  using Asked = std::pair<std::string, std::uint64_t>;  ///< The client and the request's id.
  std::multimap<Asked, TimePoint> open_;                ///< When each is due.
  std::multimap<TimePoint, Asked> due_;                 ///< The same, the first one in front.
};

}  // namespace trellis::sim
