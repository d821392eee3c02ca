#include "cli/backup/manifest_users.hpp"

#include <gtest/gtest.h>

#include "cli/backup/manifest.hpp"
#include "protocol/access/access_changes.hpp"

namespace trellis {
namespace {

AccessRecords some_users() {
  AccessRecords records = first_access_records(std::string(kPublicKeySize, 'a'));
  records.roles.push_back(
      {"analysts", {{"reports:", true, false}, {"\xff\x01", true, true}}, ClusterRight::kRead, false});
  records.roles.push_back({"doors", {}, ClusterRight::kNone, true});
  records.users.push_back(
      {"bob", 2, std::string(kPublicKeySize, '\x9f'), "analysts", {{std::string(kTokenHashSize, 't'), 100}}});
  records.next_user = 3;
  return records;
}

TEST(ManifestUsers, ComeBackAsTheyWent) {
  const auto read = read_users(to_json(some_users()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, some_users());
}

TEST(ManifestUsers, StandAsThePageSays) {
  EXPECT_EQ(to_json(some_users())["roles"][0].dump(),
            R"({"name":"analysts","rules":[{"prefix":"reports:","allow":["read"]},)"
            R"({"prefix_hex":"ff01","allow":["read","write"]}],"cluster":"read","speak_for":false})");
}

TEST(ManifestUsers, WhatIsMissingOrOfAnotherTypeIsRefused) {
  for (const char* const path :
       {"/roles", "/users", "/roles/0/name", "/roles/0/rules", "/roles/0/rules/0/prefix", "/roles/0/rules/1/prefix_hex",
        "/roles/0/rules/0/allow", "/roles/0/cluster", "/roles/0/speak_for", "/users/1/name", "/users/1/key",
        "/users/1/role", "/users/1/tokens", "/users/1/tokens/0/hash", "/users/1/tokens/0/ends_at"}) {
    const Json::json_pointer at(path);
    Json other = to_json(some_users());
    other[at] = Json::array({1.5});
    EXPECT_FALSE(read_users(other)) << path << " is another value";
    Json shorter = to_json(some_users());
    shorter[at.parent_pointer()].erase(at.back());
    EXPECT_FALSE(read_users(shorter)) << path << " is missing";
  }
  Json strange = to_json(some_users());
  strange["roles"][0]["rules"][0]["allow"][0] = "eat";
  EXPECT_FALSE(read_users(strange));
  strange = to_json(some_users());
  strange["roles"].erase(0);
  EXPECT_FALSE(read_users(strange)) << "bob has a role that does not exist";
}

TEST(ManifestUsers, AreAPartOfTheManifest) {
  Manifest manifest;
  manifest.backup = std::string(16, '0');
  manifest.k = 1;
  manifest.partitions = 1;
  manifest.missing = {0};
  for (const bool has_users : {false, true}) {
    if (has_users) manifest.users = some_users();
    const auto read = read_manifest(write_manifest(manifest));
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_EQ(*read, manifest);
  }
}

}  // namespace
}  // namespace trellis
