// What commands make of users and roles.
#include "protocol/access/access_changes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/command.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

const std::string kAdasKey(kPublicKeySize, 'a');
const std::string kHash(kTokenHashSize, 'h');

std::string add_user(std::string_view name, std::string_view key, std::string_view role) {
  std::string out;
  PackedWriter(out).array(3).str(name).bin(key).str(role);
  return out;
}

std::string names(std::initializer_list<std::string_view> all) {
  std::string out;
  PackedWriter writer(out);
  writer.array(all.size());
  for (const auto each : all) writer.str(each);
  return out;
}

std::string role(std::string_view name, std::string_view prefix, std::initializer_list<std::string_view> allowed,
                 std::string_view cluster = "") {
  std::string out;
  PackedWriter writer(out);
  writer.array(2).str(name).map(2).str("rules").array(1).map(2).str("prefix").str(prefix);
  writer.str("allow").array(allowed.size());
  for (const auto each : allowed) writer.str(each);
  writer.str("cluster");
  cluster.empty() ? writer.nil() : writer.str(cluster);
  return out;
}

std::string token(std::string_view name, std::string_view hash, std::uint64_t ends_at) {
  std::string out;
  PackedWriter(out).array(3).str(name).bin(hash).natural(ends_at);
  return out;
}

/// Records that are changed by commands, as the cluster's are.
struct Kept {
  AccessRecords records = first_access_records(std::string(kPublicKeySize, '!'));

  Code change(Command command, const std::string& arguments) {
    const auto next = with_change(records, command, arguments);
    if (!next) return next.error().code;
    records = *next;
    return Code::kOk;
  }
};

TEST(AccessChanges, AUserIsAddedOnceAndRemovedForGood) {
  Kept kept;
  EXPECT_EQ(kept.change(Command::kUserAdd, add_user("ada", kAdasKey, "reader")), Code::kOk);
  EXPECT_EQ(kept.records.version, 2u);
  const std::uint64_t number = kept.records.find_user("ada")->number;
  EXPECT_EQ(kept.change(Command::kUserAdd, add_user("ada", kAdasKey, "reader")), Code::kOk) << "a repetition";
  EXPECT_EQ(kept.records.version, 2u);
  EXPECT_EQ(kept.change(Command::kUserAdd, add_user("ada", kAdasKey, "writer")), Code::kAlreadyExists);
  EXPECT_EQ(kept.change(Command::kUserAdd, add_user("bob", kAdasKey, "reader")), Code::kAlreadyExists);
  EXPECT_EQ(kept.change(Command::kUserAdd, add_user("bob", std::string(32, 'b'), "nobody")), Code::kNotFound);
  EXPECT_EQ(kept.change(Command::kUserRemove, names({"ada"})), Code::kOk);
  EXPECT_EQ(kept.records.find_user("ada"), nullptr);
  EXPECT_EQ(kept.change(Command::kUserRemove, names({"ada"})), Code::kNotFound);
  EXPECT_EQ(kept.change(Command::kUserAdd, add_user("ada", kAdasKey, "reader")), Code::kOk);
  EXPECT_NE(kept.records.find_user("ada")->number, number) << "who comes again is another user";
}

TEST(AccessChanges, SomebodyStaysWhoMayChangeThem) {
  Kept kept;
  EXPECT_EQ(kept.change(Command::kUserRemove, names({kFirstUser})), Code::kFailedPrecondition);
  EXPECT_EQ(kept.change(Command::kUserRole, names({kFirstUser, "reader"})), Code::kFailedPrecondition);
  EXPECT_EQ(kept.change(Command::kUserAdd, add_user("ada", kAdasKey, kAdminRole)), Code::kOk);
  EXPECT_EQ(kept.change(Command::kUserRemove, names({kFirstUser})), Code::kOk);
  EXPECT_EQ(kept.change(Command::kUserRole, names({"ada", "writer"})), Code::kFailedPrecondition);
}

TEST(AccessChanges, ARoleIsSetReplacedAndRemovedWhereNobodyHasIt) {
  Kept kept;
  EXPECT_EQ(kept.change(Command::kRoleSet, role("analysts", "reports:", {"read"})), Code::kOk);
  EXPECT_EQ(kept.change(Command::kRoleSet, role("analysts", "shared:", {"read", "write"}, "operate")), Code::kOk);
  const Role expected{"analysts", {{"shared:", true, true}}, ClusterRight::kOperate, false};
  EXPECT_EQ(*kept.records.find_role("analysts"), expected);
  EXPECT_EQ(kept.change(Command::kRoleSet, role("reader", "x", {"read"})), Code::kInvalidArgument) << "it is built in";
  EXPECT_EQ(kept.change(Command::kUserAdd, add_user("ada", kAdasKey, "analysts")), Code::kOk);
  EXPECT_EQ(kept.change(Command::kRoleRemove, names({"analysts"})), Code::kFailedPrecondition);
  EXPECT_EQ(kept.change(Command::kUserRole, names({"ada", "writer"})), Code::kOk);
  EXPECT_EQ(kept.change(Command::kRoleRemove, names({"analysts"})), Code::kOk);
  EXPECT_EQ(kept.change(Command::kRoleRemove, names({"analysts"})), Code::kNotFound);
  EXPECT_EQ(kept.change(Command::kRoleRemove, names({"reader"})), Code::kNotFound);
}

TEST(AccessChanges, TokensAreKeptHashedAndTakenAway) {
  Kept kept;
  EXPECT_EQ(kept.change(Command::kUserToken, token("admin", kHash, 100)), Code::kOk);
  EXPECT_EQ(kept.records.find_token(kHash, 99)->name, kFirstUser);
  EXPECT_EQ(kept.change(Command::kUserToken, token("ada", kHash, 100)), Code::kNotFound);
  std::string none;
  PackedWriter(none).array(2).str("admin").nil();
  EXPECT_EQ(kept.change(Command::kUserToken, none), Code::kOk);
  EXPECT_EQ(kept.records.find_token(kHash, 99), nullptr);
}

TEST(AccessChanges, WhatIsNotInFormIsRefusedWithTheForm) {
  const auto message = [](Command command, const std::string& arguments) {
    const auto checked = check_access_arguments(command, arguments);
    return checked ? "" : checked.error().message;
  };
  EXPECT_THAT(message(Command::kUserAdd, names({"ada"})), HasSubstr("[name, key, role]"));
  EXPECT_THAT(message(Command::kUserAdd, add_user("a b", kAdasKey, "reader")), HasSubstr("[name, key, role]"));
  EXPECT_THAT(message(Command::kUserAdd, add_user("ada", "short", "reader")), HasSubstr("[name, key, role]"));
  EXPECT_THAT(message(Command::kRoleSet, role("r", "p", {"eat"})), HasSubstr("allow"));
  EXPECT_THAT(message(Command::kRoleSet, role("r", "p", {})), HasSubstr("allow"));
  EXPECT_THAT(message(Command::kRoleSet, role("r", "p", {"read"}, "everything")), HasSubstr("cluster"));
  EXPECT_THAT(message(Command::kUserToken, token("ada", "short", 1)), HasSubstr("[name, hash, ends_at]"));
  EXPECT_THAT(message(Command::kUserList, names({"x"})), HasSubstr("empty"));
}

TEST(AccessChanges, AreSoundWhateverTheArguments) {
  const std::pair<Command, std::string> asked[] = {{Command::kUserAdd, add_user("ada", kAdasKey, "reader")},
                                                   {Command::kUserToken, token("admin", kHash, 5)},
                                                   {Command::kUserRole, names({"admin", "admin"})},
                                                   {Command::kRoleSet, role("r", "p", {"read"}, "admin")}};
  for (const auto& [command, arguments] : asked) {
    for_each_mutation(arguments, 5'000, 3, [command = command](const std::string& bytes) {
      const auto next = with_change(Kept().records, command, bytes);
      EXPECT_TRUE(!next || check(*next));
      EXPECT_TRUE(!next || check_access_arguments(command, bytes));
    });
  }
}

TEST(AccessChanges, TheLastRequestsAreKnownWhateverCameOfThem) {
  Kept kept;
  AccessRecords records = kept.records;
  const auto ask = [&records](std::uint64_t seq, Command command, const std::string& arguments) {
    const std::uint64_t identity = change_identity("session", seq, command, arguments);
    records = with_done(records, with_change(records, command, arguments), identity);
    return records.find_done(identity)->outcome;
  };
  const std::string ada = add_user("ada", kAdasKey, "reader");
  EXPECT_EQ(ask(1, Command::kUserAdd, ada), ChangeOutcome::kChanged);
  EXPECT_EQ(ask(2, Command::kUserAdd, ada), ChangeOutcome::kSame);
  EXPECT_EQ(code_of(ask(3, Command::kUserRemove, names({"bob"}))), Code::kNotFound);
  EXPECT_EQ(code_of(ask(4, Command::kUserRemove, names({"admin"}))), Code::kFailedPrecondition);
  EXPECT_EQ(code_of(ask(5, Command::kUserAdd, add_user("ada", kHash, "reader"))), Code::kAlreadyExists);
  EXPECT_EQ(records.version, kept.records.version + 5);
  const auto again = read_access_records(pack(records));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, records);
  EXPECT_EQ(records.find_done(change_identity("other", 1, Command::kUserAdd, ada)), nullptr);
  EXPECT_EQ(records.find_done(change_identity("session", 1, Command::kUserRemove, names({"ada"}))), nullptr);
  for (std::uint64_t seq = 0; seq < kDoneChangesMax; ++seq) ask(100 + seq, Command::kUserAdd, ada);
  EXPECT_EQ(records.done.size(), kDoneChangesMax);
  EXPECT_EQ(records.find_done(change_identity("session", 1, Command::kUserAdd, ada)), nullptr) << "it was long ago";
  EXPECT_TRUE(read_access_records(pack(records)));
}

}  // namespace
}  // namespace trellis
