// BrokerLink: what a worker keeps of one of its brokers.  A value, but for what is on its way.
#pragma once

#include <optional>
#include <string>

#include "protocol/cluster/bulk_link.hpp"
#include "protocol/cluster/bundle.hpp"
#include "protocol/cluster/round_trip.hpp"
#include "protocol/types.hpp"

namespace trellis {

struct BrokerLink {
  BrokerLink(std::uint64_t first, BulkRoom& room, TimePoint start) : bulk(first, room), round_trip(start) {}
  BundleWriter out;
  BulkLink bulk;
  bool was_welcome = false;
  std::optional<TimePoint> welcomed_at;  ///< Last.
  RoundTrip round_trip;
  std::uint64_t token = 0;  ///< The last challenge in this incarnation had it.
  std::string last_refusal;
  TimePoint refusal_told;
};

}  // namespace trellis
