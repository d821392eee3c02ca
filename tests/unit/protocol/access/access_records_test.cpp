// Users and roles as a value: checked where they come from outside, and bounded.
#include "protocol/access/access_records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/access/access_changes.hpp"
#include "protocol/access/access_messages.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

std::string key_of(std::uint32_t number) {
  std::string key(kPublicKeySize, 'k');
  for (std::size_t i = 0; i < 4; ++i) key[i] = static_cast<char>(number >> (8 * i));
  return key;
}

AccessRecords some_records() {
  AccessRecords records = first_access_records(key_of(1));
  records.version = 7;
  records.next_user = 4;
  records.users.push_back({"bob", 3, key_of(3), "analysts", {{std::string(kTokenHashSize, 'h'), 1'800'000'000}}});
  records.roles.push_back({"analysts", {{"reports:", true, false}, {"\xff", true, true}}, ClusterRight::kRead, true});
  return records;
}

std::string refused(const std::function<void(AccessRecords&)>& change) {
  AccessRecords records = some_records();
  change(records);
  const auto checked = check(records);
  const auto read = read_access_records(pack(records));
  EXPECT_FALSE(read) << "what is not sound is not read either";
  return checked ? "" : checked.error().message;
}

TEST(AccessRecords, ReadWhatTheyPacked) {
  const auto read = read_access_records(pack(some_records()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, some_records());
}

TEST(AccessRecords, AreFoundByNameNumberKeyAndToken) {
  const AccessRecords records = some_records();
  EXPECT_EQ(records.find_user("bob"), &records.users[1]);
  EXPECT_EQ(records.find_user("bo"), nullptr);
  EXPECT_EQ(records.find_number(3), &records.users[1]);
  EXPECT_EQ(records.find_number(2), nullptr);
  EXPECT_EQ(records.find_key(key_of(1)), &records.users[0]);
  EXPECT_EQ(records.find_key(key_of(9)), nullptr);
  const std::string hash(kTokenHashSize, 'h');
  EXPECT_EQ(records.find_token(hash, 1'799'999'999), &records.users[1]);
  EXPECT_EQ(records.find_token(hash, 1'800'000'000), nullptr) << "its end is its end";
  EXPECT_EQ(records.find_role("analysts"), &records.roles[0]);
  EXPECT_EQ(records.find_role("reader"), &built_in_roles()[0]);
  EXPECT_EQ(records.find_role("nobody"), nullptr);
}

TEST(AccessRecords, NamesAreWordsOfOneLine) {
  for (const char* good : {"a", "ada", "Ada.Lovelace-1815_x", "0"}) EXPECT_TRUE(is_access_name(good)) << good;
  for (const char* bad : {"", "-a", ".a", "a b", "a/b", "\xc3\xa4", "a\n"}) EXPECT_FALSE(is_access_name(bad)) << bad;
  EXPECT_TRUE(is_access_name(std::string(kAccessNameSizeMax, 'a')));
  EXPECT_FALSE(is_access_name(std::string(kAccessNameSizeMax + 1, 'a')));
}

TEST(AccessRecords, WhatDoesNotAgreeWithItselfIsRefused) {
  EXPECT_THAT(refused([](auto& r) { r.version = 0; }), HasSubstr("no version"));
  EXPECT_THAT(refused([](auto& r) { r.users[1].name = "a"; }), HasSubstr("out of order"));
  EXPECT_THAT(refused([](auto& r) { r.users[1].name = "x y"; }), HasSubstr("no user can have the name"));
  EXPECT_THAT(refused([](auto& r) { r.users[1].number = 1; }), HasSubstr("number of another"));
  EXPECT_THAT(refused([](auto& r) { r.users[1].number = 4; }), HasSubstr("has no number"));
  EXPECT_THAT(refused([](auto& r) { r.users[1].public_key = r.users[0].public_key; }), HasSubstr("key of another"));
  EXPECT_THAT(refused([](auto& r) { r.users[1].public_key.pop_back(); }), HasSubstr("has no key"));
  EXPECT_THAT(refused([](auto& r) { r.roles.clear(); }), HasSubstr("does not exist"));
  EXPECT_THAT(refused([](auto& r) { r.users[1].tokens[0].hash = "h"; }), HasSubstr("a token of user bob"));
  EXPECT_THAT(refused([](auto& r) { r.users[0].tokens = r.users[1].tokens; }), HasSubstr("there twice"));
  EXPECT_THAT(refused([](auto& r) { r.roles[0].rules[0] = {"x", false, false}; }), HasSubstr("allows nothing"));
  EXPECT_THAT(refused([](auto& r) {
                r.roles.push_back({"reader", {}, ClusterRight::kAdmin, false});
              }),
              HasSubstr("built in"));
}

TEST(AccessRecords, LimitsHoldAtTheirEdge) {
  AccessRecords records = first_access_records(key_of(1));
  records.next_user = kUsersMax + 2;
  for (std::uint32_t i = 2; i <= kUsersMax; ++i) {
    const std::string digits = std::to_string(10'000 + i);
    records.users.push_back({"u" + digits, i, key_of(i), "reader", {}});
  }
  EXPECT_TRUE(check(records)) << check(records).error().message;
  EXPECT_TRUE(read_access_records(pack(records)));
  records.users.push_back({"v", kUsersMax + 1, key_of(kUsersMax + 1), "reader", {}});
  EXPECT_EQ(check(records).error().code, Code::kResourceExhausted);
  EXPECT_FALSE(read_access_records(pack(records)));

  AccessRecords rules = some_records();
  rules.roles[0].rules.assign(kRulesMax, {std::string(kRulePrefixSizeMax, 'p'), true, false});
  EXPECT_TRUE(check(rules));
  rules.roles[0].rules.push_back({"p", true, false});
  EXPECT_EQ(check(rules).error().code, Code::kResourceExhausted);
  rules.roles[0].rules.assign(1, {std::string(kRulePrefixSizeMax + 1, 'p'), true, false});
  EXPECT_EQ(check(rules).error().code, Code::kResourceExhausted);

  AccessRecords tokens = some_records();
  tokens.users[0].tokens.clear();
  for (std::size_t i = 0; i < kTokensMax; ++i) {
    tokens.users[0].tokens.push_back({std::string(kTokenHashSize, static_cast<char>('0' + i)), 1});
  }
  EXPECT_TRUE(check(tokens));
  tokens.users[0].tokens.push_back({std::string(kTokenHashSize, 'z'), 1});
  EXPECT_EQ(check(tokens).error().code, Code::kResourceExhausted);
}

TEST(AccessRecords, AreSoundOrRefusedWhateverTheBytes) {
  const std::string packed = pack(some_records());
  for_each_truncation(packed, [](const std::string& cut) { EXPECT_FALSE(read_access_records(cut)); });
  for_each_mutation(packed, 20'000, 1, [](const std::string& bytes) {
    const auto read = read_access_records(bytes);
    EXPECT_TRUE(!read || check(*read));
  });
  EXPECT_FALSE(read_access_version("1234567"));
  EXPECT_EQ(*read_access_version(pack_access_version(9)), 9u);
}

}  // namespace
}  // namespace trellis
