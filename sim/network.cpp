#include "sim/network.hpp"

#include <algorithm>

namespace trellis::sim {
std::optional<TimePoint> Network::calm_since() const {
  return is_usual_ && cuts_.empty() ? std::optional(calm_since_) : std::nullopt;
}

void Network::behave(const NetworkConditions& now, bool is_usual) {
  conditions = now;
  is_usual_ = is_usual;
  calm_since_ = world_.now();
}

void Network::heal() {
  cuts_.clear();
  calm_since_ = world_.now();
}

void Network::carry(ProcessNumber from, ProcessNumber to, std::uint64_t size, std::function<void()> arrive) {
  Random& random = world_.random();
  ++carried_;
  if (is_cut(from, to) || random.chance(conditions.loss)) {
    ++lost_;
    return;
  }
  const TimePoint arrival = departure(from, to, size) + random.between(conditions.delay_min, conditions.delay_max);
  const Duration late_by = conditions.overtaken_by;
  // A connection repeats nothing.  What workers say is doubled all the same, since they have to bear it; a request is
  // not, since a refusal speaks for all copies that were sent.
  const bool may_double = from < kFirstBroker && to < kFirstClient;
  if (may_double && random.chance(conditions.doubling))
    arrive_at(arrival + random.between(Duration(0), late_by), arrive);
  if (echo && to == echo->to && from < kFirstBroker) {
    for (int i = 0; i < echo->times; ++i) {
      arrive_at(arrival + random.between(echo->after_min, echo->after_max), arrive);
    }
  }
  if (random.chance(conditions.overtaking)) {
    arrive_at(arrival + random.between(Duration(0), late_by), std::move(arrive));
    return;
  }
  TimePoint& last = last_arrival_[{from, to}];
  last = std::max(last, arrival);
  arrive_at(last, std::move(arrive));
}

TimePoint Network::departure(ProcessNumber from, ProcessNumber to, std::uint64_t size) {
  if (conditions.rate == 0) return world_.now();
  TimePoint& free_at = free_at_[{from, to}];
  free_at = std::max(free_at, world_.now()) + Duration(1'000'000 * size / conditions.rate);
  return free_at;
}

void Network::arrive_at(TimePoint when, std::function<void()> arrive) {
  worst_delay_ = std::max(worst_delay_, when - world_.now());
  world_.at(when, std::move(arrive));
}

}  // namespace trellis::sim
