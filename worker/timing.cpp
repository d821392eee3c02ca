#include "worker/timing.hpp"

#include <algorithm>

namespace trellis {

using std::chrono::milliseconds;

RaftTiming timing_of(milliseconds election) { return {election, election / kHeartbeatsPerElection}; }

RaftTiming timing_for(const RaftTiming& floor, Duration round_trip) {
  const auto election = std::chrono::ceil<milliseconds>(kRoundTripsPerElection * round_trip);
  return election <= floor.election ? floor : timing_of(election);
}

}  // namespace trellis
