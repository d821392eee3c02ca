// The last two minutes: rates and latency from counters, bounded, and only while somebody looks.
#include "gateway/recent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>

#include "protocol/json.hpp"

namespace trellis {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr TimePoint kBegin{seconds(1'000)};

/// Replies are views of bytes that somebody else keeps.
std::list<std::string> held;

Reply members(std::uint64_t requests, std::uint64_t microseconds) {
  Reply reply;
  reply.status = Code::kOk;
  reply.result = held.emplace_back(*parse_json(R"([{"id": "a", "requests": )" + std::to_string(requests) +
                                               R"(, "request_us": )" + std::to_string(microseconds) + "}]"));
  return reply;
}

TEST(Recent, APointIsWhatHappenedSinceTheOneBefore) {
  Recent recent;
  Histogram own;
  recent.on_sample(kBegin, members(100, 1'000), own);
  for (int i = 0; i < 4; ++i) own.observe(0.004);
  recent.on_sample(kBegin + seconds(2), members(300, 401'000), own);
  EXPECT_EQ(recent.json(),
            "{\"every_ms\": 1000, \"cluster\": [100], \"gateway\": [2], \"mean\": [2], \"p50\": [5], \"p99\": [5]}\n");
}

TEST(Recent, WhatIsNotKnownIsAGap) {
  Recent recent;
  recent.on_sample(kBegin, members(100, 0), {});
  recent.on_sample(kBegin + seconds(1), members(5, 0), {});  // It has started again.
  Reply silence;
  silence.status = Code::kUnavailable;
  recent.on_sample(kBegin + seconds(2), silence, {});
  EXPECT_THAT(recent.json(), HasSubstr("\"cluster\": [0, null], \"gateway\": [0, 0], \"mean\": [null, null]"));
}

TEST(Recent, WhatABrokerHasNotHeardYetMakesNoPeakOnceItHas) {
  Recent recent;
  Reply unheard;
  unheard.status = Code::kOk;
  unheard.result = held.emplace_back(*parse_json(R"([{"id": "a", "requests": null, "request_us": null}])"));
  recent.on_sample(kBegin, unheard, {});
  recent.on_sample(kBegin + seconds(1), members(50'000, 0), {});
  EXPECT_THAT(recent.json(), HasSubstr("\"cluster\": [0]"));
}

TEST(Recent, TwoMinutesAreKept) {
  Recent recent;
  for (std::size_t i = 0; i < 3 * Recent::kPointsMax; ++i) recent.on_sample(kBegin + seconds(i), members(i, 0), {});
  const std::string json = recent.json();
  const std::string cluster = json.substr(json.find("[") + 1, json.find("]") - json.find("[") - 1);
  EXPECT_EQ(static_cast<std::size_t>(std::count(cluster.begin(), cluster.end(), ',')) + 1, Recent::kPointsMax);
}

TEST(Recent, PointsAreTakenOnceASecondWhileSomebodyLooks) {
  Recent recent;
  EXPECT_FALSE(recent.take_due(kBegin)) << "nobody has looked";
  recent.on_look(kBegin);
  EXPECT_TRUE(recent.take_due(kBegin));
  EXPECT_FALSE(recent.take_due(kBegin + std::chrono::milliseconds(999)));
  EXPECT_TRUE(recent.take_due(kBegin + seconds(1)));
  EXPECT_TRUE(recent.take_due(kBegin + Recent::kWatchedFor));
  EXPECT_FALSE(recent.take_due(kBegin + Recent::kWatchedFor + seconds(1)));
}

}  // namespace
}  // namespace trellis
