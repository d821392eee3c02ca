// Merger: the replies of several partitions, put together into the one answer that the client gets.
//
// A pure object: it is handed the results of its subrequests and says what to ask next, or what the answer is.  It
// knows neither workers nor retries (Calls does) nor deadlines: at the deadline each of its subrequests ends with an
// error. Invariant: answers exactly once, and only when it awaits no subrequest any more or needs none of those it
// awaits.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/subrequest.hpp"
#include "protocol/reply.hpp"

namespace trellis {

/// What a reply carries besides its id.
struct MergedAnswer {
  Code status = Code::kOk;
  std::string result;  ///< One packed value; empty: nil.  Of a BATCH the head of its array:
  /// behind it stands `[status, result, info]` of each item, here without that array's head.
  std::vector<Frame> outcomes;
  ReplyInfo info;
};

MergedAnswer answer_of(Error error);

class Merger {
 public:
  struct Step {
    std::vector<Subrequest> subrequests;  ///< To be asked now, in addition to those under way.
    std::optional<MergedAnswer> answer;   ///< The end.  Subrequests still under way are not needed any more.
  };

  virtual ~Merger() = default;
  /// Called once, first.
  virtual Step start() = 0;
  /// Called once for each subrequest asked, until the answer is there.
  virtual Step on_subrequest(std::uint32_t number, LegResult result) = 0;
};

}  // namespace trellis
