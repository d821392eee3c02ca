// What a worker tells its log about brokers that cannot be heard or understood: at once, and then seldom.
//
// A pure core: no socket, no clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "protocol/types.hpp"

namespace trellis {

class BrokerWatch {
 public:
  /// No broker at all for this long is worth a line.
  static constexpr std::chrono::seconds kSilentAfter{5};
  static constexpr std::chrono::seconds kToldEvery{60};

  explicit BrokerWatch(TimePoint now) : heard_(now) {}

  /// A broker said something that was understood.
  void on_word(TimePoint now) {
    heard_ = now;
    silence_due_ = TimePoint::min();
  }
  /// A message could not be read.  What to tell, if anything.
  std::optional<std::string> on_broken(TimePoint now) {
    if (!is_due(broken_due_, now)) return std::nullopt;
    return "a broken message from a broker was dropped; does -b name a broker's backend (usually port 7401) and not "
           "its "
           "frontend, and do all workers and brokers run the same version of Trellis?";
  }
  /// Time passed.  What to tell, if anything.
  std::optional<std::string> on_tick(TimePoint now) {
    if (now - heard_ < kSilentAfter || !is_due(silence_due_, now)) return std::nullopt;
    return "no broker has been heard for " +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now - heard_).count()) +
           " s: does one run, does -b name its backend (usually port 7401), and have both the same --cluster-key?";
  }

 private:
  /// @param due  when the next line may be told
  static bool is_due(TimePoint& due, TimePoint now) {
    if (now < due) return false;
    due = now + kToldEvery;
    return true;
  }

  TimePoint heard_;  ///< Some broker, or the start.
  TimePoint silence_due_ = TimePoint::min();
  TimePoint broken_due_ = TimePoint::min();
};

}  // namespace trellis
