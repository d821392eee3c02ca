// Listings take turns: so many pages at once, so many listings, in their order.
#include "gateway/listing_turns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/exchange.hpp"

namespace trellis {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimePoint kNow{std::chrono::seconds(1'000)};

TEST(ListingTurns, SoManyPagesAtOnceAndTheOthersInTheirOrder) {
  ListingTurns turns;
  std::vector<Exchange> all(kPagesAtOnce + 2);
  for (Exchange& each : all) turns.on_want(each, false, kNow);
  EXPECT_EQ(turns.take_ready().size(), kPagesAtOnce);
  EXPECT_THAT(turns.take_ready(), IsEmpty());
  turns.on_page();
  EXPECT_THAT(turns.take_ready(), ElementsAre(&all[kPagesAtOnce]));
  turns.on_want(all[0], true, kNow);
  turns.on_page();
  EXPECT_THAT(turns.take_ready(), ElementsAre(&all[0])) << "one that has begun goes before one that has not";
}

TEST(ListingTurns, SoManyListingsAtOnceUntilOneEnds) {
  ListingTurns turns;
  std::vector<Exchange> all(kListingsAtOnce + 1);
  for (Exchange& each : all) turns.on_want(each, false, kNow);
  std::size_t begun = 0;
  for (auto ready = turns.take_ready(); !ready.empty(); ready = turns.take_ready()) {
    begun += ready.size();
    for (std::size_t i = 0; i < ready.size(); ++i) turns.on_page();
  }
  EXPECT_EQ(begun, kListingsAtOnce);
  turns.on_end();
  EXPECT_THAT(turns.take_ready(), ElementsAre(&all.back()));
}

TEST(ListingTurns, WhoWaitsTooLongToBeginLeavesTheLine) {
  ListingTurns turns;
  std::vector<Exchange> all(kPagesAtOnce + 1);
  for (Exchange& each : all) turns.on_want(each, false, kNow);
  EXPECT_EQ(turns.take_ready().size(), kPagesAtOnce);
  EXPECT_THAT(turns.take_overdue(kNow + kListingWaitMax - std::chrono::milliseconds(1)), IsEmpty());
  EXPECT_THAT(turns.take_overdue(kNow + kListingWaitMax), ElementsAre(&all.back()));
  turns.on_page();
  EXPECT_THAT(turns.take_ready(), IsEmpty());
}

}  // namespace
}  // namespace trellis
