#include "program/cluster_key.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trellis {
namespace {

using ::testing::HasSubstr;

// The pair of keys in ZeroMQ's own documentation of CURVE.
constexpr const char* kPublic = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
constexpr const char* kSecret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

std::string file_of(const std::string& public_key, const std::string& secret_key) {
  return "public = " + public_key + "\nsecret = " + secret_key + "\n";
}

std::string fault_of(const std::string& text) {
  const auto key = read_cluster_key(text, "FILE");
  return key ? "none" : key.error().message;
}

TEST(ClusterKeyFile, IsReadAsItWasWritten) {
  const auto made = make_cluster_key(kPublic);
  ASSERT_TRUE(made);
  const auto read = read_cluster_key(write_cluster_key(*made), "FILE");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->public_key, made->public_key);
  EXPECT_EQ(read->secret_key, made->secret_key);
  EXPECT_EQ(read->administrator, kPublic);
  EXPECT_EQ(first_access_records(*read)->users.front().public_key, key_bytes(kPublic));
}

TEST(ClusterKeyFile, MayHaveCommentsBlanksAndEitherOrder) {
  const auto read =
      read_cluster_key(std::string("# a comment\r\n\n  secret=") + kSecret + "  \npublic =" + kPublic, "FILE");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->public_key, kPublic);
}

TEST(ClusterKeyFile, IsRefusedWithWhatIsWrongAndWhere) {
  EXPECT_THAT(fault_of(""), HasSubstr("FILE: a line `public = KEY` and a line `secret = KEY` are needed"));
  EXPECT_THAT(fault_of("\npassword = 1\n"), HasSubstr("FILE:2: it should be"));
  EXPECT_THAT(fault_of("public\n"), HasSubstr("FILE:1: a key has 40 characters, and this 0"));
  EXPECT_THAT(fault_of(file_of(std::string(kPublic) + "x", kSecret)),
              HasSubstr("FILE:1: a key has 40 characters, and this 41"));
  EXPECT_THAT(fault_of(file_of(kSecret, kPublic)), HasSubstr("no pair"));
  EXPECT_THAT(fault_of(file_of(std::string(40, '"'), std::string(40, '"'))), HasSubstr("FILE:1: this is no key"));
}

}  // namespace
}  // namespace trellis
