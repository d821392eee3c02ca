// GroupTime: the time of a partition's group, by which its documents expire.
//
// Each group has a time of its own, which begins with 0 and which its leader alone advances (worker/group_clock.hpp).
// It is named with the term of the leader that said it: a later term counts more, however much less it says.
#pragma once

#include <compare>
#include <cstdint>

#include "protocol/limits.hpp"

namespace trellis {

struct GroupTime {
  std::uint64_t term = 0;
  std::uint64_t ms = 0;
  auto operator<=>(const GroupTime&) const = default;
};

/// 10,000 years: a deadline, which is at most ten years later, has room in 64 bits.
inline constexpr std::uint64_t kGroupTimeMax = std::uint64_t{10'000} * 365 * 24 * 3600 * 1000;

inline constexpr std::uint64_t kDeadlineMax = kGroupTimeMax + static_cast<std::uint64_t>(kTtlMax.count());

/// What is left until `deadline`, in milliseconds: 1 at least, since what is overdue is there until the log says that
/// it is gone.
constexpr std::uint64_t left_until(std::uint64_t deadline, std::uint64_t now) {
  return deadline > now ? deadline - now : 1;
}

}  // namespace trellis
