#include "worker/disk_trend.hpp"

#include <algorithm>

namespace trellis {

using Seconds = std::chrono::duration<double>;

void DiskTrend::on_look(TimePoint now, const DiskUse& use) {
  last_ = use;
  const auto log = static_cast<double>(use.log);
  looks_.push_back({now, static_cast<double>(use.free) + static_cast<double>(use.unfinished) + log, log});
  // One that is as old as the longest span stays.
  while (looks_.size() > 1 && now - looks_[1].time >= kSpans.back()) looks_.pop_front();
}

const DiskTrend::Look* DiskTrend::look_before(std::chrono::seconds age) const {
  const TimePoint latest = looks_.back().time - age;
  const auto after = std::upper_bound(looks_.begin(), looks_.end(), latest,
                                      [](TimePoint time, const Look& look) { return time < look.time; });
  return after == looks_.begin() ? nullptr : &*std::prev(after);
}

std::optional<Seconds> DiskTrend::full_in() const {
  std::optional<Seconds> soonest;
  for (const std::chrono::seconds span : kSpans) {
    const auto in = looks_.empty() ? std::nullopt : full_in(span);
    if (in && (!soonest || *in < *soonest)) soonest = in;
  }
  return soonest;
}

std::optional<Seconds> DiskTrend::full_in(std::chrono::seconds span) const {
  constexpr int kParts = 3;
  // Bytes a second, of the slowest part each.
  double log = -1;
  double others = -1;
  for (int part = 0; part < kParts; ++part) {
    const Look* const from = look_before(span * (kParts - part) / kParts);
    const Look* const to = look_before(span * (kParts - part - 1) / kParts);
    if (from == nullptr || from == to) return std::nullopt;
    const double seconds = Seconds(to->time - from->time).count();
    const double log_pace = std::max(0.0, (to->log - from->log) / seconds);
    const double others_pace = std::max(0.0, (from->apart_from_log - to->apart_from_log) / seconds);
    log = part == 0 ? log_pace : std::min(log, log_pace);
    others = part == 0 ? others_pace : std::min(others, others_pace);
  }
  const auto free = static_cast<double>(last_.free);
  const double log_left = static_cast<double>(last_.log_bound - std::min(last_.log, last_.log_bound));
  if (log + others <= 0) return std::nullopt;
  double in = free / (log + others);
  if (log * in > log_left) {
    if (others <= 0) return std::nullopt;
    in = (free - log_left) / others;
  }
  return in <= kFarthest * Seconds(span).count() ? std::optional(Seconds(in)) : std::nullopt;
}

}  // namespace trellis
