#include "protocol/access/access_reports.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/access/access_changes.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

AccessRecords some_records() {
  AccessRecords records = first_access_records(std::string(kPublicKeySize, 'a'));
  records.roles.push_back({"analysts", {{"reports:", true, false}, {"\xff", true, true}}, ClusterRight::kRead, false});
  records.roles.push_back({"doors", {}, ClusterRight::kNone, true});
  records.users.push_back(
      {"bob", 2, std::string(kPublicKeySize, 'b'), "analysts", {{std::string(kTokenHashSize, 't'), 100}}});
  records.next_user = 3;
  return records;
}

TEST(AccessReports, TellTogetherAllThatThereIs) {
  const AccessRecords records = some_records();
  const std::string users = pack_access_report(records, Command::kUserList);
  const std::string roles = pack_access_report(records, Command::kRoleList);
  EXPECT_EQ(PackedReader(roles).read_value()->size(), roles.size());
  EXPECT_THAT(roles, ::testing::HasSubstr("gateway")) << "built-in ones, too";
  const auto read = read_access_reports(users, roles);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, records);
}

TEST(AccessReports, OfDifferentMomentsAreRefused) {
  AccessRecords records = some_records();
  const std::string users = pack_access_report(records, Command::kUserList);
  records.roles.erase(records.roles.begin());
  EXPECT_FALSE(read_access_reports(users, pack_access_report(records, Command::kRoleList))) << "bob has no role";
}

TEST(AccessReports, AreSoundWhateverTheirBytes) {
  const std::string users = pack_access_report(some_records(), Command::kUserList);
  const std::string roles = pack_access_report(some_records(), Command::kRoleList);
  for_each_mutation(users, 5'000, 3, [&](const std::string& bytes) {
    const auto read = read_access_reports(bytes, roles);
    EXPECT_TRUE(!read || check(*read));
  });
  for_each_mutation(roles, 5'000, 3, [&](const std::string& bytes) {
    const auto read = read_access_reports(users, bytes);
    EXPECT_TRUE(!read || check(*read));
  });
}

}  // namespace
}  // namespace trellis
