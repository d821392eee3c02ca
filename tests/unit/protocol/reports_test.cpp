#include "protocol/reports.hpp"

#include <gtest/gtest.h>

#include "protocol/packed.hpp"

namespace trellis {
namespace {

MemberReport heard_member() {
  MemberReport member;
  member.id = "00000000000000aa";
  member.address = "127.0.0.1:9001";
  member.state = "up";
  member.membership = "leaving";
  member.moves_left = 3;
  member.last_heartbeat_ms = 12;
  member.partitions = 16;
  member.leads = 5;
  member.keys = 1000;
  member.bytes = 1'572'864;
  member.level = 1;
  member.load = {1, 2, 3, 4, 5};
  return member;
}

std::uint32_t fields_of_first(const std::string& packed) {
  PackedReader reader(packed);
  EXPECT_TRUE(reader.read_array());
  return reader.read_map().value_or(0);
}

TEST(Reports, StatusReadsBackAsItWasPacked) {
  StatusReport status;
  status.cluster = "0123";
  status.partitions = 16;
  status.partitions_available = 16;
  status.workers_up = 3;
  status.guaranteed = true;
  status.version = "0.1.0";
  const auto read = read_status_report(pack_report(status));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->cluster, "0123");
  EXPECT_EQ(read->workers_up, 3u);
  EXPECT_TRUE(read->guaranteed && read->all_serve());
  EXPECT_EQ(pack_report(*read), pack_report(status));
}

TEST(Reports, AClusterThatIsBeingFormedHasNoId) {
  const auto read = read_status_report(pack_report(StatusReport()));
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->is_formed());
}

TEST(Reports, MembersTellTheirLoadWhereAsked) {
  const std::vector<MemberReport> members = {heard_member()};
  const std::string with_load = pack_report(members, true);
  EXPECT_EQ(fields_of_first(with_load), 17u);
  EXPECT_EQ(fields_of_first(pack_report(members, false)), 12u);
  EXPECT_EQ(pack_report(*read_member_reports(with_load), true), with_load);
  EXPECT_EQ(read_member_reports(pack_report(members, false))->front().load.requests, std::nullopt);
}

TEST(Reports, SettingsReadBackAsTheyWerePacked) {
  const auto read = read_settings_report(pack_report(SettingsReport{3, 60'000, 4, 1 << 20}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->k, 3u);
  EXPECT_EQ(read->moves, 4u);
  EXPECT_EQ(read->move_rate, 1u << 20);
  EXPECT_FALSE(read_settings_report("\x01"));
}

TEST(Reports, MovesReadBackAsTheyWerePacked) {
  const std::vector<MoveReport> moves = {{3, "a:1", "b:1", "sending", 100, 40, 10, 6'000, "it waits"},
                                         {4, std::nullopt, "b:1", "waiting", 0, 0, 0, std::nullopt, ""}};
  const std::string packed = pack_report(moves);
  const auto read = read_move_reports(packed);
  ASSERT_TRUE(read);
  EXPECT_EQ(pack_report(*read), packed);
  EXPECT_EQ(read->front().note, "it waits");
  EXPECT_EQ(read->back().from, std::nullopt);
  EXPECT_FALSE(read_move_reports("\x01"));
}

TEST(Reports, APlanReadsBackAsItWasPacked) {
  PlanReport plan;
  plan.replicas = 1;
  plan.tolerates_before = 1;
  plan.transfers = {{7, "a:1", "b:1", 100}};
  plan.workers = {{"a:1", 2, 1, 200, 100, 1'000, std::nullopt}};
  const std::string packed = pack_report(plan);
  const auto read = read_plan_report(packed);
  ASSERT_TRUE(read);
  EXPECT_EQ(pack_report(*read), packed);
  EXPECT_EQ(read->transfers.front().to, "b:1");
  EXPECT_EQ(read->workers.front().memory_before, 1'000u);
  EXPECT_FALSE(read_plan_report("\x91\x01"));
}

TEST(Reports, OfAMemberThatWasNotHeardNumbersAreUnknown) {
  MemberReport member;
  member.id = "00000000000000aa";
  const auto read = read_member_reports(pack_report({member}, false));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->front().keys, std::nullopt);
}

TEST(Reports, ALocationNamesAddressesById) {
  const LocationReport location{7, {"a", "b"}, "b", {{"b", "127.0.0.1:9002"}}};
  const auto read = read_location_report(pack_report(location));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->partition, 7u);
  EXPECT_EQ(read->replicas, location.replicas);
  EXPECT_EQ(read->leader, "b");
  EXPECT_EQ(read->address_of("b"), "127.0.0.1:9002");
  EXPECT_EQ(read->address_of("a"), "a") << "no address is told";
}

TEST(Reports, WhatABrokerTellsBesideIsPassedOver) {
  std::string packed;
  PackedWriter(packed).map(2).str("mood").array(1).str("good").str("workers").natural(3);
  EXPECT_EQ(read_status_report(packed)->workers, 3u);
}

TEST(Reports, AFieldOfAnotherTypeAndWhatIsCutOffAreRefused) {
  std::string packed;
  PackedWriter(packed).map(1).str("workers").str("three");
  EXPECT_FALSE(read_status_report(packed));
  EXPECT_FALSE(read_status_report("\xc0"));
  for (const std::string& whole : {pack_report({heard_member()}, true)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(read_member_reports(whole.substr(0, size)));
  }
}

}  // namespace
}  // namespace trellis
