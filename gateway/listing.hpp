// A listing of any length, page by page: what to ask next, and each page as text for the one that waits.
//
// Pure: it is handed replies.  Only one page is held at a time.  A page that fails, or is no longer guaranteed while
// the response has begun as a guaranteed one, ends the listing in an error, which the server tells by breaking off.
#pragma once

#include <optional>
#include <string>

#include "gateway/plan.hpp"
#include "protocol/reply.hpp"

namespace trellis {

class Listing {
 public:
  /// @param plan  of a streamed listing; outlives this
  explicit Listing(const Plan& plan) : plan_(plan), after_(plan.after) {}

  /// The arguments of the command for the next page.
  std::string next_arguments() const;
  /// The next piece of the body; the one of the last page ends it.  Error: the listing cannot go on.
  Result<std::string> on_page(const Reply& reply);
  bool finished() const { return finished_; }

 private:
  const Plan& plan_;
  std::optional<std::string> after_;
  bool begun_ = false;
  bool empty_ = true;
  bool finished_ = false;
  bool guaranteed_ = true;
};

}  // namespace trellis
