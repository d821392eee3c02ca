#include "sim/checker/presence.hpp"

#include <algorithm>

namespace trellis::sim {

Presence::Presence(const KeySteps& key) {
  for (const Step& step : key.steps) {
    if (step.effect == Effect::kPut) writes_.add(step.call, step.deadline);
    if (step.effect == Effect::kRemove) removals_.add(step.call, step.deadline);
    if (step.is_optional) continue;
    const bool is_read = step.effect == Effect::kNone;
    if (step.effect == Effect::kPut || (is_read && !step.need.may_be_absent)) seen_there_.add(step.call, step.deadline);
    if (step.effect == Effect::kRemove || (is_read && !step.need.may_be_present)) {
      seen_gone_.add(step.call, step.deadline);
    }
  }
  seen_there_.sort_by_end();
  seen_gone_.sort_by_end();
  writes_.sort_by_begin();
  removals_.sort_by_begin();
}

bool Presence::was_there_throughout(TimePoint begin, TimePoint end) const {
  const TimePoint seen = seen_there_.latest_begin_before(begin);
  return seen != TimePoint::min() && removals_.latest_end_until(end) < seen;
}

bool Presence::was_absent_throughout(TimePoint begin, TimePoint end) const {
  const TimePoint written = writes_.latest_end_until(end);
  return written == TimePoint::min() || written < seen_gone_.latest_begin_before(begin);
}

void Presence::Spans::sort_by_begin() {
  std::sort(spans_.begin(), spans_.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  for (const Span& span : spans_) latest_.push_back(latest_.empty() ? span.end : std::max(latest_.back(), span.end));
}

void Presence::Spans::sort_by_end() {
  std::sort(spans_.begin(), spans_.end(), [](const Span& a, const Span& b) { return a.end < b.end; });
  for (const Span& span : spans_)
    latest_.push_back(latest_.empty() ? span.begin : std::max(latest_.back(), span.begin));
}

TimePoint Presence::Spans::latest_end_until(TimePoint time) const {
  const auto end =
      std::partition_point(spans_.begin(), spans_.end(), [&](const Span& span) { return span.begin <= time; });
  return end == spans_.begin() ? TimePoint::min() : latest_[static_cast<std::size_t>(end - spans_.begin()) - 1];
}

TimePoint Presence::Spans::latest_begin_before(TimePoint time) const {
  const auto end =
      std::partition_point(spans_.begin(), spans_.end(), [&](const Span& span) { return span.end < time; });
  return end == spans_.begin() ? TimePoint::min() : latest_[static_cast<std::size_t>(end - spans_.begin()) - 1];
}

std::map<std::string, Presence, std::less<>> presences_of(const History& history) {
  std::map<std::string, Presence, std::less<>> out;
  for (const auto& [key, operations] : operations_by_key(history)) {
    out.emplace(key, Presence(make_steps(history, key, operations, {})));
  }
  return out;
}

}  // namespace trellis::sim
