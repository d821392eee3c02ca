// Timing: how long a group waits for a leader, and how often a leader speaks, by how far apart its members are.
//
// An election is two round trips (pre-vote and vote), and so is one that is decided only at the second try; heartbeats
// come late by as much as the network's delay varies.  So an election timeout is at least kRoundTripsPerElection round
// trips to the peer that is furthest away, and heartbeats keep their share of it.  Where peers are near, the settings
// hold as they are: they are the floor.
// A worker that no broker hears waits kUnwelcomeFactor times as long before it stands for election: it votes as ever,
// and leads only where nobody else can.
// Pure.
#pragma once

#include "worker/raft/replica.hpp"

namespace trellis {

constexpr int kRoundTripsPerElection = 10;
constexpr int kHeartbeatsPerElection = 10;
constexpr int kUnwelcomeFactor = 4;

/// Heartbeats in their usual share of this election timeout.
RaftTiming timing_of(std::chrono::milliseconds election);
RaftTiming timing_for(const RaftTiming& floor, Duration round_trip);

}  // namespace trellis
