// How long calls wait: for an answer, for those who confirm it, and before they are sent again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "protocol/cluster/bulk.hpp"
#include "protocol/types.hpp"

namespace trellis::call_times {

/// A worker that holds a request for so long without an answer has perhaps never got it, or its answer was lost.
/// Doubles with each attempt, so that a slow cluster is not given more of the same.  To this comes the time that a
/// write is on its way there, on to the peers, and back: three round trips, if the peers are no further away.
constexpr std::chrono::milliseconds kResendAfterMin{1'000};
constexpr std::chrono::milliseconds kResendAfterMax{8'000};
constexpr int kRoundTripsPerWrite = 3;
/// Others are asked to confirm in the moment in which the leader is asked, and take about as long as it does.  One that
/// takes so much longer, and a round trip, is down, or as good as that.
constexpr std::chrono::milliseconds kAnswerWithin{30};

inline std::chrono::milliseconds doubled(std::chrono::milliseconds least, std::chrono::milliseconds most,
                                         std::uint32_t times) {
  return std::min(most, least * (1 << std::min<std::uint32_t>(times, 10)));
}

/// A large request has its way to the leader before it, and from there to the followers, over links that may be as slow
/// as bulk::kSlowestLink.
inline Duration resend_after(std::size_t bytes, std::uint32_t attempts) {
  const auto on_its_way = std::chrono::microseconds(2'000'000 * bytes / bulk::kSlowestLink);
  return doubled(kResendAfterMin, kResendAfterMax, attempts) + on_its_way;
}

/// What is left of a request's time, for WorkerRequest::timeout_ms.
inline std::uint32_t left_until(TimePoint deadline, TimePoint now) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<std::uint32_t>(std::max<std::int64_t>(left, 1));
}

inline std::string no_answer_within(std::chrono::milliseconds timeout) {
  return "no answer within " + std::to_string(timeout.count()) + " ms";
}

}  // namespace trellis::call_times
