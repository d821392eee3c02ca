#include "protocol/cluster/joint_reads.hpp"

#include <gtest/gtest.h>

#include "protocol/limits.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

const std::vector<JointPart> kParts = {{{0}, {7}, 3}, {{kPartitionsMax - 1}, {1ull << 60}, 0}, {{12}, {0}, 1}};
const std::vector<JointTerm> kTerms = {{{1}, {2}}, {{1ull << 60}, {0}}};

TEST(JointReads, ARequestIsReadAsItWasWritten) {
  const std::string body = pack_joint_reads(kParts, "items");
  const auto reads = read_joint_reads(body);
  ASSERT_TRUE(reads);
  EXPECT_EQ(reads->parts, kParts);
  EXPECT_EQ(reads->items, "items");
}

TEST(JointReads, AReplyIsReadAsItWasWritten) {
  const std::string body = pack_joint_terms(kTerms);
  EXPECT_EQ(body.size(), joint_terms_size(kTerms.size()));
  const std::string with_outcomes = body + "outcomes";
  const auto answers = read_joint_answers(with_outcomes);
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->terms, kTerms);
  EXPECT_EQ(answers->outcomes, "outcomes");
}

TEST(JointReads, ARequestOfNothingOrOfAPartitionThatCannotBeIsBroken) {
  EXPECT_FALSE(read_joint_reads(pack_joint_reads({}, "items")));
  EXPECT_FALSE(read_joint_reads(pack_joint_reads(std::vector<JointPart>{{{kPartitionsMax}, {}, 1}}, "items")));
  EXPECT_FALSE(read_joint_reads("\xff\xff\xff\xff"));
  EXPECT_FALSE(read_joint_answers("\xff\xff\xff\xff"));
}

TEST(JointReads, TheItemsHaveABound) {
  EXPECT_TRUE(read_joint_reads(pack_joint_reads(kParts, std::string(kJointReadsBytesMax, 'x'))));
  EXPECT_FALSE(read_joint_reads(pack_joint_reads(kParts, std::string(kJointReadsBytesMax + 1, 'x'))));
}

TEST(JointReads, PartsTheirItemsAndTermsAreNoMoreThanThereCanBe) {
  std::vector<JointPart> parts(kPartitionsMax, JointPart{{0}, {}, 0});
  parts.front().items = kBatchItemsMax;
  EXPECT_TRUE(read_joint_reads(pack_joint_reads(parts, "items")));
  parts.back().items = 1;
  EXPECT_FALSE(read_joint_reads(pack_joint_reads(parts, "items")));
  parts.back().items = UINT32_MAX;
  EXPECT_FALSE(read_joint_reads(pack_joint_reads(parts, "items")));
  parts.assign(kPartitionsMax + 1, JointPart{{0}, {}, 0});
  EXPECT_FALSE(read_joint_reads(pack_joint_reads(parts, "items")));
  EXPECT_TRUE(read_joint_answers(pack_joint_terms(std::vector<JointTerm>(kPartitionsMax))));
  EXPECT_FALSE(read_joint_answers(pack_joint_terms(std::vector<JointTerm>(kPartitionsMax + 1))));
}

TEST(JointReads, WhatIsCutOffBeforeTheItemsIsBroken) {
  for_each_truncation(pack_joint_reads(kParts, ""),
                      [](const std::string& cut) { EXPECT_FALSE(read_joint_reads(cut)); });
  for_each_truncation(pack_joint_terms(kTerms), [](const std::string& cut) { EXPECT_FALSE(read_joint_answers(cut)); });
}

}  // namespace
}  // namespace trellis
