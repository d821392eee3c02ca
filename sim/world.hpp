// World: simulated time, the events that wait in it, one seeded source of chance, and the trace of all that happens.
//
// Invariant: two worlds with the same seed and the same code have the same trace, byte for byte; trace_hash() is that
// of all of it.  Events of the same moment happen in the order in which they were asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/types.hpp"
#include "sim/random.hpp"

namespace trellis::sim {

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  TimePoint now() const { return now_; }
  Random& random() { return random_; }

  void at(TimePoint when, std::function<void()> what);
  void after(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  /// Lets all happen that is due before `end`, or until something was found wrong.
  void run_until(TimePoint end);

  /// One fact for the trace; `what` is a literal.
  void note(const char* what, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0);
  /// One line for the trace.
  void say(std::string line);
  std::uint64_t trace_hash() const { return hash_; }
  /// The last lines of the trace.
  std::string trace_tail(std::size_t lines) const;
  void print_all() { prints_ = true; }

  /// Something is wrong with what is simulated.  The first word on it counts.
  void violate(std::string what);
  const std::optional<std::string>& violation() const { return violation_; }
  std::uint64_t events() const { return events_; }

 private:
  static constexpr std::size_t kTailMax = 4000;
  struct Event {
    TimePoint when;
    std::uint64_t number;
    std::function<void()> what;
    /// For a heap whose front is the next event.
    bool operator<(const Event& other) const { return when != other.when ? when > other.when : number > other.number; }
  };
  struct Line {
    TimePoint when;
    const char* what;
    std::uint64_t numbers[3];
    std::string text;
  };
  static std::string to_text(const Line& line);
  void mix(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3ull + (hash_ >> 29); }
  void keep(Line line);

  TimePoint now_{std::chrono::seconds(1'000)};
  Random random_;
  std::vector<Event> events_waiting_;
  std::uint64_t next_number_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325ull;
  std::deque<Line> tail_;
  bool prints_ = false;
  std::optional<std::string> violation_;
};

/// The clock of one incarnation of a process: it starts anywhere and runs at its own speed; before its start it stands.
class ProcessClock {
 public:
  ProcessClock() = default;
  /// @param speed  local millionths of a second for each true second
  ProcessClock(TimePoint world, TimePoint local, std::int64_t speed) : world_(world), local_(local), speed_(speed) {}

  std::int64_t speed() const { return speed_; }
  TimePoint local(TimePoint world) const {
    return local_ + Duration(std::max(world - world_, Duration(0)).count() * speed_ / 1'000'000);
  }
  /// The first moment at which the clock shows `local` or more.
  TimePoint world(TimePoint local) const {
    return world_ + Duration(((local - local_).count() * 1'000'000 + speed_ - 1) / speed_);
  }

 private:
  TimePoint world_;
  TimePoint local_;
  std::int64_t speed_ = 1'000'000;
};

}  // namespace trellis::sim
