// CallListener: whoever has asked, and is told how its subrequests end.
#pragma once

#include "broker/pool.hpp"
#include "broker/subrequest.hpp"

namespace trellis {

class CallListener {
 public:
  virtual ~CallListener() = default;
  virtual void on_call_done(Tag owner, std::uint32_t subrequest, LegResult result, TimePoint now) = 0;
  /// Lowest seq of the broker session that has no answer yet.
  virtual std::uint64_t floor() const = 0;
};

}  // namespace trellis
