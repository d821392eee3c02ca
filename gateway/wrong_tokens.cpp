#include "gateway/wrong_tokens.hpp"

#include <algorithm>

namespace trellis {

Duration WrongTokens::wait_of(const std::string& address, TimePoint now) const {
  const auto at = known_.find(address);
  return at == known_.end() || at->second.until <= now ? Duration::zero() : at->second.until - now;
}

void WrongTokens::on_wrong(const std::string& address, TimePoint now) {
  const auto [at, is_new] = known_.try_emplace(address);
  Known& known = at->second;
  if (is_new) {
    known.place = order_.insert(order_.end(), address);
  } else {
    order_.splice(order_.end(), order_, known.place);
    if (now - known.heard >= kForgottenAfter) known.wrong = 0;
  }
  known.heard = now;
  ++known.wrong;
  if (known.wrong > kFree) {
    const unsigned doublings = std::min(known.wrong - kFree - 1, 16u);
    known.until = now + std::min<Duration>(kWaitMin * (1 << doublings), kWaitMax);
  }
  if (known_.size() <= kAddressesMax) return;
  known_.erase(order_.front());
  order_.pop_front();
}

}  // namespace trellis
