// Network: what is sent arrives later, or never, or twice, or behind what was sent after it.
//
// It knows processes by number and not their incarnations: a message whose receiver has started again meanwhile arrives
// at its next incarnation, as ZeroMQ's queues may do.  Who asked decides with `arrive` what that means.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "protocol/cluster/bundle.hpp"
#include "sim/world.hpp"

namespace trellis::sim {

using ProcessNumber = std::uint32_t;
constexpr ProcessNumber kFirstBroker = 100;  ///< Below it are the workers,
constexpr ProcessNumber kFirstClient = 200;  ///< from here on the clients.

struct NetworkConditions {
  Duration delay_min{50};
  Duration delay_max{500};
  double loss = 0;
  double doubling = 0;    ///< Share of what workers say that arrives twice.
  double overtaking = 0;  ///< Share of messages that later ones may overtake, by up to
  Duration overtaken_by{200'000};
  /// Bytes a second from one process to another: what is sent waits for what was sent before.  0: no limit.
  std::uint64_t rate = 0;
};

inline std::uint64_t bytes_of(const Frames& frames) {
  std::uint64_t bytes = 0;
  for (const Frame& frame : frames) bytes += frame.size();
  return bytes;
}

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  /// What workers say to this one arrives so often once more, so much later.
  struct Echo {
    ProcessNumber to;
    int times;
    Duration after_min;
    Duration after_max;
  };

  NetworkConditions conditions;
  std::optional<Echo> echo;

  /// One message of `size` bytes under way; `arrive` is called for each copy that arrives.
  void carry(ProcessNumber from, ProcessNumber to, std::uint64_t size, std::function<void()> arrive);

  /// Nothing goes from one to the other until healed.
  void cut(ProcessNumber from, ProcessNumber to) { cuts_.insert({from, to}); }
  /// Without cuts, and with its usual conditions, since then; nothing while it is otherwise.
  std::optional<TimePoint> calm_since() const;
  /// A time in which it has other conditions begins or ends.
  void behave(const NetworkConditions& now, bool is_usual);
  bool is_cut(ProcessNumber from, ProcessNumber to) const { return cuts_.contains({from, to}); }
  void heal();

  /// The longest that any message was on its way, or will have been.
  Duration worst_delay() const { return worst_delay_; }
  std::uint64_t carried() const { return carried_; }
  std::uint64_t lost() const { return lost_; }

 private:
  void arrive_at(TimePoint when, std::function<void()> arrive);
  /// When the last of so many bytes has left its sender.
  TimePoint departure(ProcessNumber from, ProcessNumber to, std::uint64_t size);

  World& world_;
  std::set<std::pair<ProcessNumber, ProcessNumber>> cuts_;
  std::map<std::pair<ProcessNumber, ProcessNumber>, TimePoint> last_arrival_;
  std::map<std::pair<ProcessNumber, ProcessNumber>, TimePoint>
      free_at_;  ///< When each way is free again, where there is a rate.
  bool is_usual_ = true;
  TimePoint calm_since_;
  Duration worst_delay_{};
  std::uint64_t carried_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace trellis::sim
