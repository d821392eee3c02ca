// One type per kind of number, so that a term is never taken for an index, and time as the core is handed it.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace trellis {

/// A number that means one thing.  Tags are never defined; they only tell the kinds apart.
template <typename Tag, typename Rep>
struct Number {
  Rep value{};
  auto operator<=>(const Number&) const = default;
};

using Term = Number<struct TermTag, std::uint64_t>;
using LogIndex = Number<struct LogIndexTag, std::uint64_t>;
using PartitionId = Number<struct PartitionTag, std::uint32_t>;
/// Drawn at random at a worker's first start and kept for life; never 0.  Printed as 16 hex digits.
using WorkerId = Number<struct WorkerTag, std::uint64_t>;
/// Drawn at random at each start of a process: what was meant for an earlier incarnation is told by it.
using BootNonce = Number<struct NonceTag, std::uint64_t>;

/// 16 lower-case hex digits.
std::string to_string(WorkerId id);

/// 128 random bits, as 32 hex digits; empty where a worker belongs to no cluster yet.
using ClusterId = std::string;

/// Monotonic time.  The core never reads a clock: it is handed one of these a turn.
struct MonotonicClock {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using Duration = MonotonicClock::duration;
using TimePoint = MonotonicClock::time_point;

/// Randomness as the core is handed it: 64 random bits a call.
using RandomSource = std::function<std::uint64_t()>;

}  // namespace trellis

template <typename Tag, typename Rep>
struct std::hash<trellis::Number<Tag, Rep>> {
  std::size_t operator()(trellis::Number<Tag, Rep> number) const { return std::hash<Rep>{}(number.value); }
};
