#include "gateway/recent.hpp"

#include <cmath>
#include <cstdio>

#include "protocol/reports.hpp"

namespace trellis {
namespace {

constexpr double kSlowestShown = 10'000;  ///< Milliseconds: the histogram's last bound.

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// The bound within which this share of the values between two looks lies, in milliseconds.
double quantile(const Histogram& earlier, const Histogram& now, double share) {
  const double wanted = share * static_cast<double>(now.count - earlier.count);
  double seen = 0;
  for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
    seen += static_cast<double>(now.counts[i] - earlier.counts[i]);
    if (seen >= wanted) return Histogram::kBounds[i] * 1000;
  }
  return kSlowestShown;
}

std::string number(std::optional<double> value) {
  if (!value) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", *value);
  return text;
}

}  // namespace

void Recent::on_look(TimePoint now) {
  const std::lock_guard lock(mutex_);
  looked_ = now;
}

bool Recent::take_due(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (!looked_ || now - *looked_ > kWatchedFor) {
    // What is older than a pause would look as if it had just been.
    points_.clear();
    last_.reset();
    return false;
  }
  if (now < due_) return false;
  due_ = now + kEvery;
  return true;
}

Recent::Workers Recent::read_members(const Reply& members) {
  Workers workers;
  if (members.status != Code::kOk) return workers;
  for (MemberReport& member : read_member_reports(members.result).value_or(std::vector<MemberReport>())) {
    if (!member.load.requests) continue;  // The broker has not heard it yet.
    workers.emplace(std::move(member.id), Worker{*member.load.requests, member.load.request_us.value_or(0)});
  }
  return workers;
}

Recent::Point Recent::between(const Sample& earlier, const Sample& now) {
  Point point;
  const double seconds = std::max(seconds_of(now.at - earlier.at), 0.001);
  std::uint64_t requests = 0;
  std::uint64_t microseconds = 0;
  for (const auto& [id, worker] : now.workers) {
    const auto then = earlier.workers.find(id);
    const bool restarted = then != earlier.workers.end() && worker.requests < then->second.requests;
    if (then == earlier.workers.end() || restarted) continue;
    requests += worker.requests - then->second.requests;
    microseconds += worker.microseconds - std::min(worker.microseconds, then->second.microseconds);
  }
  if (!now.workers.empty()) point.cluster = static_cast<double>(requests) / seconds;
  if (requests > 0) point.mean = static_cast<double>(microseconds) / static_cast<double>(requests) / 1000;
  const std::uint64_t own = now.own.count - earlier.own.count;
  point.gateway = static_cast<double>(own) / seconds;
  if (own > 0) {
    point.p50 = quantile(earlier.own, now.own, 0.5);
    point.p99 = quantile(earlier.own, now.own, 0.99);
  }
  return point;
}

void Recent::on_sample(TimePoint now, const Reply& members, const Histogram& own) {
  Sample sample{now, read_members(members), own};
  const std::lock_guard lock(mutex_);
  if (last_) points_.push_back(between(*last_, sample));
  if (points_.size() > kPointsMax) points_.pop_front();
  last_ = std::move(sample);
}

std::string Recent::json() const {
  constexpr std::pair<const char*, std::optional<double> Point::*> kSeries[] = {{"cluster", &Point::cluster},
                                                                                {"gateway", &Point::gateway},
                                                                                {"mean", &Point::mean},
                                                                                {"p50", &Point::p50},
                                                                                {"p99", &Point::p99}};
  const std::lock_guard lock(mutex_);
  std::string out = "{\"every_ms\": " + std::to_string(std::chrono::milliseconds(kEvery).count());
  for (const auto& [name, member] : kSeries) {
    out += std::string(", \"") + name + "\": [";
    for (std::size_t i = 0; i < points_.size(); ++i) out += (i > 0 ? ", " : "") + number(points_[i].*member);
    out += "]";
  }
  return out + "}\n";
}

}  // namespace trellis
