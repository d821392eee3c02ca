// FairQueue: jobs of many clients, who take turns by what their jobs cost and not by how many they are.
//
//   client a   [ 64 ms        ][ 64 ms        ]...     each round every client may take kQuantum: b is through after
//   client b   [1]                                     one quantum of a's, however much a has asked for
//
// Deficit round robin (Shreedhar and Varghese, "Efficient Fair Queuing Using Deficit Round Robin", 1995), over jobs
// that stop in the middle and go on later.  A job that takes more than it may, since it cannot stop there, is made up
// for by its client's next rounds.  A client's own jobs stay in order. Pure: what a job costs is told by whoever runs
// it (protocol/effort.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>

#include "protocol/effort.hpp"

namespace trellis {

/// What became of a job in its turn.
struct JobTurn {
  Effort taken = 0;
  bool is_done = true;
};

template <typename Client, typename Job>
class FairQueue {
 public:
  static constexpr Effort kQuantum = kEffortMillisecond;

  bool empty() const { return round_.empty(); }
  bool has(const Client& client) const { return !lanes_.empty() && lanes_.contains(client); }

  void add(const Client& client, Job job) {
    const auto [lane, is_new] = lanes_.try_emplace(client);
    if (is_new) round_.push_back(client);
    lane->second.jobs.push_back(std::move(job));
  }

  /// Runs jobs until they have taken `most` together, or none is left.  Returns what they took.
  /// @param run  JobTurn run(Job& job, Effort may_take); it may add jobs
  template <typename Run>
  Effort run(Effort most, const Run& run) {
    Effort taken = 0;
    while (!round_.empty() && taken < most) {
      const Client client = round_.front();
      Lane& lane = lanes_.at(client);
      if (!lane.is_in_turn) lane.credit += static_cast<std::int64_t>(kQuantum);
      lane.is_in_turn = true;
      while (!lane.jobs.empty() && lane.credit > 0 && taken < most) {
        const JobTurn turn = run(lane.jobs.front(), std::min(static_cast<Effort>(lane.credit), most - taken));
        taken += turn.taken;
        lane.credit -= static_cast<std::int64_t>(turn.taken);
        if (turn.is_done) lane.jobs.pop_front();
      }
      if (lane.jobs.empty()) {
        lanes_.erase(client);
        round_.pop_front();
      } else if (lane.credit <= 0) {
        lane.is_in_turn = false;
        round_.push_back(client);
        round_.pop_front();
      }
    }
    return taken;
  }

 private:
  struct Lane {
    std::deque<Job> jobs;
    std::int64_t credit = 0;  ///< What its client may still take in this round; below 0: took too much before.
    bool is_in_turn = false;
  };
  std::map<Client, Lane> lanes_;  ///< The lanes of clients that have jobs.
  std::deque<Client> round_;      ///< The same, in the order of their turns.
};

}  // namespace trellis
