// What workers say of members comes back as it was packed; what is broken is refused.
#include "worker/member_messages.hpp"

#include <gtest/gtest.h>

#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

Standing some_standing() {
  Standing standing{{2, 7}, 1, 3, {}};
  standing.led.push_back({{4},
                          {9},
                          {2, 6},
                          true,
                          {{{{11}, {21}}, ReplicaRole::kVoter, true}, {{{12}, {22}}, ReplicaRole::kSpare, false}}});
  return standing;
}

GroupNotice some_notice() {
  GroupNotice notice{{5}, {{8}, {900}, {{870}, {7}, true, {}}, {{{12}, {22}}}}};
  notice.members.configuration.members = {{{{11}, {21}}, ReplicaRole::kVoter}, {{{12}, {22}}, ReplicaRole::kStandby}};
  return notice;
}

TEST(MemberMessages, ComeBackFromTheirPackedForm) {
  EXPECT_EQ(*read_map_version(pack(MapVersion{3, 9})), (MapVersion{3, 9}));
  const auto standing = read_standing(pack(some_standing()));
  ASSERT_TRUE(standing);
  EXPECT_EQ(pack(*standing), pack(some_standing()));
  EXPECT_EQ(standing->led.front().members.back().role, ReplicaRole::kSpare);
  const auto notice = read_group_notice(pack(some_notice()));
  ASSERT_TRUE(notice);
  EXPECT_EQ(pack(*notice), pack(some_notice()));
  EXPECT_EQ(notice->members.target.front().worker, WorkerId{22});
  const auto wanted = read_members_wanted(pack(MembersWanted{{6}, {33}}));
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->replica, ReplicaId{33});
}

TEST(MemberMessages, RefuseEveryTruncation) {
  for_each_truncation(pack(some_standing()), [](const std::string& cut) { EXPECT_FALSE(read_standing(cut)); });
  for_each_truncation(pack(some_notice()), [](const std::string& cut) { EXPECT_FALSE(read_group_notice(cut)); });
  for_each_truncation(pack(MembersWanted{}), [](const std::string& cut) { EXPECT_FALSE(read_members_wanted(cut)); });
  for_each_truncation(pack(MapVersion{}), [](const std::string& cut) { EXPECT_FALSE(read_map_version(cut)); });
}

TEST(MemberMessages, AreReadOrRefusedWhateverTheBytes) {
  for_each_mutation(pack(some_standing()), 20'000, 1, [](const std::string& bytes) {
    if (const auto read = read_standing(bytes)) {
      EXPECT_EQ(pack(*read), bytes);
    }
  });
  for_each_mutation(pack(some_notice()), 20'000, 1, [](const std::string& bytes) {
    if (const auto read = read_group_notice(bytes)) {
      EXPECT_EQ(pack(*read), bytes);
    }
  });
}

}  // namespace
}  // namespace trellis
