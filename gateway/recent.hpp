// The last two minutes for the page: requests a second and latency, of the whole cluster and of this gateway.
//
// A point a second.  The cluster's come from what the workers say of themselves (MEMBERS with load), the gateway's from
// its own counts, where what the page asks to draw itself is left out.  Points are taken while somebody has looked
// lately, so that a gateway without a page costs the brokers nothing; they are there after the page is loaded again.
// Safe from any thread.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "program/metrics.hpp"
#include "protocol/reply.hpp"
#include "protocol/types.hpp"

namespace trellis {

class Recent {
 public:
  static constexpr std::size_t kPointsMax = 120;
  static constexpr std::chrono::seconds kEvery{1};
  static constexpr std::chrono::minutes kWatchedFor{10};

  /// Somebody looks.
  void on_look(TimePoint now);
  /// Whether a point is to be taken now; says so once a second.
  bool take_due(TimePoint now);
  /// @param members  the answer to MEMBERS with load
  /// @param own      of this gateway's requests, since its start
  void on_sample(TimePoint now, const Reply& members, const Histogram& own);

  /// {"every_ms": 1000, "cluster": [number or null, ...], "gateway": ..., "mean": ..., "p50": ..., "p99": ...}, the
  /// newest last: requests a second, and milliseconds.
  std::string json() const;

 private:
  struct Worker {
    std::uint64_t requests = 0;
    std::uint64_t microseconds = 0;  ///< All of them together took.
  };
  using Workers = std::map<std::string, Worker, std::less<>>;
  struct Sample {
    TimePoint at;
    Workers workers;
    Histogram own;
  };
  struct Point {
    std::optional<double> cluster, gateway, mean, p50, p99;
  };
  static Workers read_members(const Reply& members);
  static Point between(const Sample& earlier, const Sample& now);

  mutable std::mutex mutex_;
  std::optional<TimePoint> looked_;
  TimePoint due_{};
  std::optional<Sample> last_;
  std::deque<Point> points_;
};

}  // namespace trellis
