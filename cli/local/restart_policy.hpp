// Which of a cluster's processes are started again when they have ended, and which are not any more.
//
// A pure core: no process, no clock.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <string>

namespace trellis {

class RestartPolicy {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  /// One that ended so often within this time has a reason that starting again does not mend.
  static constexpr std::size_t kStartsMax = 5;
  static constexpr std::chrono::seconds kWithin{60};

  enum class Verdict { kStartAgain, kGiveUp, kNothing };

  /// A process has ended.  kGiveUp comes once for each; kNothing after that.
  /// @param is_refused  the cluster does not want it
  Verdict on_ended(const std::string& name, bool is_refused, TimePoint now) {
    if (given_up_.contains(name)) return Verdict::kNothing;
    std::deque<TimePoint>& starts = starts_[name];
    while (!starts.empty() && now - starts.front() > kWithin) starts.pop_front();
    if (is_refused || starts.size() == kStartsMax) {
      given_up_.insert(name);
      return Verdict::kGiveUp;
    }
    starts.push_back(now);
    return Verdict::kStartAgain;
  }

 private:
  std::map<std::string, std::deque<TimePoint>> starts_;
  std::set<std::string> given_up_;
};

}  // namespace trellis
