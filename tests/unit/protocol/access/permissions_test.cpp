// The decision what a user may do, against a simpler model.
#include "protocol/access/permissions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace trellis {
namespace {

using ::testing::HasSubstr;

/// The model: a key may be read (written) where any rule says so.
bool model_allows(const Role& role, std::string_view key, bool write) {
  for (const AccessRule& rule : role.rules) {
    const bool covers = key.substr(0, rule.prefix.size()) == rule.prefix;
    if (covers && (write ? rule.write : rule.read)) return true;
  }
  return false;
}

/// All keys of up to four letters, of which one is the largest byte.
std::vector<std::string> small_keys() {
  std::vector<std::string> keys = {""};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string key = keys[i];
    if (key.size() == 4) break;
    for (const char letter : {'a', 'b', '\xff'}) keys.push_back(key + letter);
  }
  return keys;
}

std::string arguments_of_key(std::string_view key) {
  std::string out;
  PackedWriter(out).array(1).str(key);
  return out;
}

/// A command on one key may take more than that.
std::string arguments_of(Command command, std::string_view key) {
  if (row_of(row_of(command).signature).least == 1) return arguments_of_key(key);
  std::string out;
  PackedWriter(out).array(2).str(key).natural(1);
  return out;
}

Request request_of(Command command, std::string_view arguments) {
  Request request;
  request.command = command;
  request.arguments = arguments;
  return request;
}

bool holds(const KeyInterval& interval, const std::string& key) {
  return key >= interval.from && (!interval.below || key < *interval.below);
}

TEST(Permissions, AgreeWithTheModelOnEveryKeyAndListing) {
  const std::vector<std::string> keys = small_keys();
  std::mt19937_64 random(17);
  const auto some_key = [&] { return keys[random() % keys.size()]; };
  for (int round = 0; round < 300; ++round) {
    Role role{"some", {}, ClusterRight::kNone, false};
    for (std::size_t i = random() % 5; i > 0; --i) {
      const bool reads = random() % 3 != 0;
      role.rules.push_back({some_key(), reads, !reads || random() % 2 == 0});
    }
    const Permissions permissions("ada", &role);
    KeyInterval asked = keys_with_prefix(some_key());
    if (random() % 2 == 0) asked = intersection(asked, {some_key(), some_key()});
    const VisiblePart part = permissions.visible(asked);
    bool sees_all = true;
    for (const std::string& key : keys) {
      ASSERT_EQ(permissions.may_read(key), model_allows(role, key, false)) << round;
      ASSERT_EQ(permissions.may_write(key), model_allows(role, key, true)) << round;
      const auto shown = std::count_if(part.intervals.begin(), part.intervals.end(),
                                       [&](const KeyInterval& each) { return holds(each, key); });
      ASSERT_EQ(shown, holds(asked, key) && model_allows(role, key, false) ? 1 : 0) << round << " " << key;
      sees_all = sees_all && (!holds(asked, key) || shown == 1);
    }
    ASSERT_TRUE(!part.is_whole || sees_all) << round;
    for (std::size_t i = 1; i < part.intervals.size(); ++i) {
      ASSERT_LT(*part.intervals[i - 1].below, part.intervals[i].from) << "in order, apart";
    }
  }
}

TEST(Permissions, ACommandNeedsTheRightsOfItsRow) {
  const Role role{"some", {{"r:", true, false}, {"w:", false, true}, {"b:", true, true}}, ClusterRight::kRead, false};
  const Permissions permissions("ada", &role);
  const auto may = [&](Command command, const char* key, const Options& options = {}) {
    return !permissions.refusal(command, arguments_of(command, key), options);
  };
  for (const CommandRow& row : command_rows()) {
    if (row.reach != Reach::kOneKey || row.signature != Signature::kKey) continue;
    const bool reads = row.effect == Effect::kReads;
    EXPECT_EQ(may(row.command, "r:1"), reads) << row.name;
    EXPECT_EQ(may(row.command, "w:1"), row.command == Command::kDelete) << row.name;
    EXPECT_TRUE(may(row.command, "b:1")) << row.name;
    EXPECT_FALSE(may(row.command, "x")) << row.name;
  }
  for (const Command command : {Command::kPut, Command::kSet, Command::kPatch, Command::kExpire, Command::kPop}) {
    EXPECT_FALSE(may(command, "w:1")) << name_of(command) << ": its result tells what was there";
    EXPECT_FALSE(may(command, "r:1")) << name_of(command);
    EXPECT_TRUE(may(command, "b:1")) << name_of(command);
  }
  Options condition;
  condition.if_version = 1;
  EXPECT_FALSE(may(Command::kDelete, "w:1", condition)) << "a condition tells of the document";
  EXPECT_TRUE(may(Command::kDelete, "b:1", condition));
}

TEST(Permissions, TheClusterNeedsARightOfItsOwn) {
  for (const CommandRow& row : command_rows()) {
    if (row.reach == Reach::kOnePartition) {
      EXPECT_EQ(row.cluster, ClusterRight::kAdmin) << row.name << ": a backup gives all documents";
    } else if (row.effect == Effect::kManages) {
      EXPECT_GE(row.cluster, ClusterRight::kOperate) << row.name;
    } else if (row.effect == Effect::kReports && row.command != Command::kPing) {
      EXPECT_EQ(row.cluster, ClusterRight::kRead) << row.name;
    } else {
      EXPECT_EQ(row.cluster, ClusterRight::kNone) << row.name;
    }
    for (const auto right : {ClusterRight::kNone, ClusterRight::kRead, ClusterRight::kOperate, ClusterRight::kAdmin}) {
      const Role role{"some", {{"", true, true}}, right, false};
      const auto refused = Permissions("ada", &role).refusal(request_of(row.command, "\x90"));
      EXPECT_EQ(refused.has_value(), row.cluster > right) << row.name;
    }
  }
}

TEST(Permissions, WhoHasNoRoleMayDoNothingButPing) {
  const Permissions nobody("ada", nullptr);
  EXPECT_TRUE(nobody.refusal(Command::kGet, arguments_of_key("a"), {}));
  EXPECT_TRUE(nobody.refusal(request_of(Command::kCount, "\x90")));
  EXPECT_FALSE(nobody.refusal(request_of(Command::kPing, "\x90")));
  EXPECT_FALSE(nobody.may_speak_for());
}

TEST(Permissions, AListingOfNothingThatMayBeSeenIsRefused) {
  const Role role{"analysts", {{"reports:", true, false}}, ClusterRight::kNone, false};
  const Permissions permissions("ada", &role);
  const auto refused = [&](Command command, const char* prefix) {
    return permissions.refusal(request_of(command, arguments_of_key(prefix))).has_value();
  };
  for (const Command command : {Command::kKeys, Command::kScan, Command::kCount}) {
    EXPECT_FALSE(refused(command, "reports:2026"));
    EXPECT_FALSE(refused(command, "rep")) << "a part of it is seen";
    EXPECT_FALSE(refused(command, ""));
    EXPECT_TRUE(refused(command, "secret:"));
  }
  EXPECT_TRUE(permissions.visible(keys_with_prefix("reports:2026")).is_whole);
  EXPECT_FALSE(permissions.visible(keys_with_prefix("rep")).is_whole);
  KeyRange range;
  range.match = "reports:*:x";
  EXPECT_TRUE(permissions.visible(keys_asked_for("", range)).is_whole) << "a pattern's beginning counts";
  range = {};
  range.at_least = "reports:a";
  range.below = "reports:b";
  EXPECT_TRUE(permissions.visible(keys_asked_for("", range)).is_whole);
}

TEST(Permissions, ComputeReadsEveryVariable) {
  const Role role{"analysts", {{"reports:", true, false}}, ClusterRight::kNone, false};
  std::string arguments;
  PackedWriter writer(arguments);
  writer.array(2).str("x+y").map(2).str("x").array(1).str("reports:1").str("y").array(1).str("secret");
  const auto refused = Permissions("ada", &role).refusal(request_of(Command::kCompute, arguments));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->message, "user ada may not COMPUTE: role analysts has no right to read \"secret\"");
}

TEST(Permissions, ARefusalNamesUserCommandAndMissingRight) {
  const Role role{"reader", {{"", true, false}}, ClusterRight::kRead, false};
  const Permissions permissions("ada", &role);
  const auto put = permissions.refusal(Command::kPut, arguments_of(Command::kPut, "k"), {});
  ASSERT_TRUE(put);
  EXPECT_EQ(put->code, Code::kPermissionDenied);
  EXPECT_EQ(put->message, "user ada may not PUT: role reader has no right to read and write \"k\"");
  const auto add = permissions.refusal(request_of(Command::kUserAdd, "\x90"));
  ASSERT_TRUE(add);
  EXPECT_EQ(add->message, "user ada may not USER_ADD: role reader has no right to \"admin\" the cluster");
}

}  // namespace
}  // namespace trellis
