#include "worker/lag.hpp"

namespace trellis {

void Lag::on_tick(WorkerId follower, LogIndex last, LogIndex held, TimePoint now) {
  auto [mark, is_new] = marks_.try_emplace(follower, Mark{last, now});
  if (!is_new && held >= mark->second.index) mark->second = {last, now};
  const bool is_level = held >= last;
  followers_[follower] = {is_level ? 0 : last.value - held.value, is_level ? Duration::zero() : now - mark->second.set};
}

}  // namespace trellis
