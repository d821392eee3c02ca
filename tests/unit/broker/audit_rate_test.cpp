#include "broker/audit_rate.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

constexpr TimePoint kStart{std::chrono::seconds(100)};

TEST(AuditRate, WritesSoManyOfEachUserAndCountsTheOthers) {
  AuditRate rate;
  for (std::size_t i = 0; i < AuditRate::kPerUserMax; ++i) EXPECT_TRUE(rate.on_refusal("ada", kStart));
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(rate.on_refusal("ada", kStart));
  EXPECT_TRUE(rate.on_refusal("bob", kStart)) << "whom ada takes no room from";
  EXPECT_TRUE(rate.take_left_out(kStart + AuditRate::kWindow - Duration(1)).empty()) << "more may come";
  const auto left_out = rate.take_left_out(kStart + AuditRate::kWindow);
  ASSERT_EQ(left_out.size(), 1u);
  EXPECT_EQ(left_out[0].user, "ada");
  EXPECT_EQ(left_out[0].count, 7u);
  EXPECT_TRUE(rate.take_left_out(kStart + 2 * AuditRate::kWindow).empty()) << "it is told once";
  EXPECT_TRUE(rate.on_refusal("ada", kStart + AuditRate::kWindow));
}

}  // namespace
}  // namespace trellis
