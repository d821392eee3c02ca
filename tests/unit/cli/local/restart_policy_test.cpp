// How often what has ended is started again.
#include "cli/local/restart_policy.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::seconds;
using Verdict = RestartPolicy::Verdict;

TEST(RestartPolicy, StartsAgainWhatEndsNowAndThen) {
  RestartPolicy policy;
  RestartPolicy::TimePoint now{};
  for (int i = 0; i < 100; ++i, now += seconds(20)) {
    EXPECT_EQ(policy.on_ended("broker", false, now), Verdict::kStartAgain);
  }
}

TEST(RestartPolicy, GivesUpOnceWhatEndsAtOnceEachTime) {
  RestartPolicy policy;
  RestartPolicy::TimePoint now{};
  for (std::size_t i = 0; i < RestartPolicy::kStartsMax; ++i) {
    EXPECT_EQ(policy.on_ended("broker", false, now += seconds(1)), Verdict::kStartAgain);
  }
  EXPECT_EQ(policy.on_ended("broker", false, now += seconds(1)), Verdict::kGiveUp);
  EXPECT_EQ(policy.on_ended("broker", false, now += seconds(1000)), Verdict::kNothing);
  EXPECT_EQ(policy.on_ended("gateway", false, now), Verdict::kStartAgain) << "others have their own count";
}

TEST(RestartPolicy, ARefusedWorkerIsNotStartedAgain) {
  RestartPolicy policy;
  EXPECT_EQ(policy.on_ended("127.0.0.1:9001", true, {}), Verdict::kGiveUp);
  EXPECT_EQ(policy.on_ended("127.0.0.1:9001", true, {}), Verdict::kNothing);
}

}  // namespace
}  // namespace trellis
