#include "worker/lag.hpp"

namespace trellis {

void Lag::on_tick(WorkerId follower, LogIndex last, LogIndex held, TimePoint now) {
  auto [at, is_new] = marks_.try_emplace(follower, Mark{last, now});
  Mark& mark = at->second;
  if (held.value == 0) held = before_;
  if (!is_new && held >= mark.index) {
    mark.index = last;
    mark.set = now;
  }
  const bool is_level = held >= last;
  followers_[follower] = {is_level ? 0 : last.value - held.value, is_level ? Duration::zero() : now - mark.set};
}

}  // namespace trellis
