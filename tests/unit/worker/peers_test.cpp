#include "worker/peers.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::milliseconds;

class PeersTest : public ::testing::Test {
 protected:
  /// A peer that hears this worker speaks, and was welcomed by a broker so long ago.
  void speaks(WorkerId peer, std::optional<milliseconds> unwelcome, bool leaving = false) {
    Speaker speaker;
    speaker.id = peer;
    speaker.leaving = leaving;
    if (unwelcome) speaker.unwelcome_ms = static_cast<std::uint32_t>(unwelcome->count());
    speaker.stamps = {to_stamp(now), to_stamp(now), 0};
    peers.on_speaker(speaker, now);
  }
  void pass(milliseconds time) { now += time; }

  static constexpr WorkerId kAda{7};
  static constexpr WorkerId kBob{8};
  TimePoint now{std::chrono::seconds(100)};
  Peers peers{now};
};

TEST_F(PeersTest, OneThatSpeaksAndHearsIsHeardForHalfASecond) {
  EXPECT_FALSE(peers.is_heard(kAda, now));
  speaks(kAda, std::nullopt);
  pass(milliseconds(500));
  EXPECT_TRUE(peers.is_heard(kAda, now));
  pass(milliseconds(1));
  EXPECT_FALSE(peers.is_heard(kAda, now));
}

TEST_F(PeersTest, OneIsFullWhileItSaysSo) {
  EXPECT_FALSE(peers.is_full(kAda));
  Speaker speaker;
  speaker.id = kAda;
  for (const bool full : {true, false}) {
    speaker.full = full;
    peers.on_speaker(speaker, now);
    EXPECT_EQ(peers.is_full(kAda), full);
  }
}

TEST_F(PeersTest, OneThatSpeaksAndHearsNothingIsNotHeard) {
  Speaker deaf;
  deaf.id = kAda;
  deaf.stamps.sent = 7;
  peers.on_speaker(deaf, now);
  EXPECT_FALSE(peers.is_heard(kAda, now)) << "it gives back none of our stamps";
  speaks(kAda, std::nullopt);
  pass(milliseconds(600));
  deaf.stamps.echo = to_stamp(now - milliseconds(600));
  deaf.stamps.held = 600'000;
  peers.on_speaker(deaf, now);
  EXPECT_FALSE(peers.is_heard(kAda, now)) << "the last one that it heard is old";
}

TEST_F(PeersTest, OneThatLeavesCannotLead) {
  speaks(kAda, milliseconds(0), true);
  EXPECT_FALSE(peers.can_lead(kAda, now));
}

TEST_F(PeersTest, OneThatWasUnwelcomeForASecondCannotLeadWhileOthersAreWelcome) {
  speaks(kBob, milliseconds(400));
  speaks(kAda, milliseconds(999));
  EXPECT_TRUE(peers.can_lead(kAda, now));
  speaks(kAda, milliseconds(1'000));
  EXPECT_FALSE(peers.can_lead(kAda, now));
  EXPECT_TRUE(peers.can_lead(kBob, now));
}

TEST_F(PeersTest, WhereBrokersAreFarAwayItTakesTenRoundTripsLonger) {
  peers.on_welcome(now, milliseconds(100));
  speaks(kBob, milliseconds(400));
  speaks(kAda, milliseconds(1'999));
  EXPECT_TRUE(peers.can_lead(kAda, now));
  speaks(kAda, milliseconds(2'000));
  EXPECT_FALSE(peers.can_lead(kAda, now));
}

TEST_F(PeersTest, WhereAllHaveBeenUnwelcomeForAboutAsLongAllCanLead) {
  peers.on_welcome(now);
  pass(milliseconds(5'000));
  speaks(kAda, milliseconds(5'100));
  speaks(kBob, milliseconds(4'700));
  EXPECT_TRUE(peers.can_lead(now));
  EXPECT_TRUE(peers.can_lead(kAda, now));
  EXPECT_TRUE(peers.can_lead(kBob, now));
}

TEST_F(PeersTest, AWorkerThatWasNeverWelcomeCanLeadForItsFirstSecond) {
  speaks(kAda, milliseconds(0));
  EXPECT_TRUE(peers.can_lead(now));
  pass(milliseconds(1'000));
  EXPECT_TRUE(peers.can_lead(now)) << "what the peer said is as old";
  speaks(kAda, milliseconds(0));
  EXPECT_FALSE(peers.can_lead(now));
  peers.on_welcome(now);
  EXPECT_TRUE(peers.can_lead(now));
}

TEST_F(PeersTest, OneThatWasNeverWelcomeCanLeadWhereNobodyHasBrokersAnyMore) {
  peers.on_welcome(now);
  speaks(kAda, std::nullopt);
  EXPECT_FALSE(peers.can_lead(kAda, now));
  pass(std::chrono::minutes(60));
  speaks(kAda, std::nullopt);
  EXPECT_TRUE(peers.can_lead(kAda, now));
}

TEST_F(PeersTest, TimeInWhichThisWorkerStoodStillIsNoSignOfOthers) {
  peers.on_welcome(now);
  pass(milliseconds(3'000));
  peers.on_woken(now);
  speaks(kAda, milliseconds(10));
  EXPECT_TRUE(peers.can_lead(now));
  pass(milliseconds(1'000));
  speaks(kAda, milliseconds(10));
  EXPECT_FALSE(peers.can_lead(now));
}

TEST_F(PeersTest, TheWayToAPeerThatIsFarAwayIsAllowedFor) {
  pass(milliseconds(1'000));
  peers.on_woken(now);
  Speaker speaker;
  speaker.id = kAda;
  speaker.unwelcome_ms = 0;
  speaker.stamps = {1, to_stamp(now - milliseconds(1'000)), 0};
  peers.on_speaker(speaker, now);
  EXPECT_EQ(peers.round_trip(kAda), milliseconds(1'000));
  EXPECT_EQ(peers.round_trip_max(now), milliseconds(1'000));
  pass(milliseconds(490));
  EXPECT_TRUE(peers.is_heard(kAda, now)) << "half a second and the round trip";
  // What it says now was so up to a second ago: by now it may have been unwelcome for as long as this worker.
  pass(milliseconds(510));
  speaker.stamps = {2, to_stamp(now - milliseconds(1'000)), 0};
  peers.on_speaker(speaker, now);
  EXPECT_TRUE(peers.can_lead(now));
  // And this worker was welcomed later than it, which is no wonder either.
  speaker.unwelcome_ms = 200;
  peers.on_welcome(now);
  peers.on_speaker(speaker, now);
  EXPECT_TRUE(peers.can_lead(kAda, now));
}

TEST_F(PeersTest, OneThatHasBeenSilentForLongIsNoConcern) {
  pass(milliseconds(800));
  Speaker speaker;
  speaker.id = kAda;
  speaker.stamps = {1, to_stamp(now - milliseconds(800)), 0};
  peers.on_speaker(speaker, now);
  pass(milliseconds(2'300));
  EXPECT_EQ(peers.round_trip_max(now), milliseconds(800)) << "it speaks perhaps, and it comes late";
  pass(milliseconds(1));
  EXPECT_EQ(peers.round_trip_max(now), Duration::zero());
}

TEST_F(PeersTest, TheWayToOneThatHearsNothingAnyMoreDoesNotGrowWithTheTimeThatItHasHeldTheLastOne) {
  const TimePoint heard = now;
  Speaker deaf;
  deaf.id = kAda;
  Duration most{};
  for (int second = 0; second < 60; ++second) {
    const auto seconds = std::chrono::seconds(second);
    deaf.stamps = {to_stamp(now), to_stamp(heard), static_cast<std::uint64_t>(second) * 700'000};  // A slow clock.
    peers.on_speaker(deaf, heard + seconds);
    most = std::max(most, peers.round_trip_max(heard + seconds));
    pass(milliseconds(1'000));
  }
  EXPECT_LE(most, milliseconds(1'200));
  EXPECT_EQ(peers.round_trip_max(now), Duration::zero()) << "elections do not wait for it";
}

TEST_F(PeersTest, WhatLayUnreadWhileThisWorkerStoodStillSaysNothingOfTheWay) {
  Speaker speaker;
  speaker.id = kAda;
  speaker.stamps = {1, to_stamp(now), 0};
  pass(milliseconds(1));
  peers.on_speaker(speaker, now);
  const TimePoint asked = now;
  pass(milliseconds(5'000));
  peers.on_woken(now);
  speaker.stamps = {2, to_stamp(asked), 4'000'000};
  peers.on_speaker(speaker, now);
  EXPECT_EQ(peers.round_trip_max(now), milliseconds(1));
}

TEST_F(PeersTest, AGreetingSaysSinceWhenNoBrokerHasWelcomedItsSpeaker) {
  EXPECT_EQ(peers.greeting(kAda, {}, now).unwelcome_ms, Speaker::kNeverWelcomed);
  peers.on_welcome(now);
  pass(milliseconds(1'234));
  speaks(kAda, std::nullopt);
  const Speaker greeting = peers.greeting(kAda, {}, now);
  EXPECT_EQ(greeting.unwelcome_ms, 1'234u);
  EXPECT_EQ(greeting.stamps, (Stamps{to_stamp(now), to_stamp(now), 0}));
}

}  // namespace
}  // namespace trellis
