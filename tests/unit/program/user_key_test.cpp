#include "program/user_key.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "program/cluster_key.hpp"
#include "program/key_file.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

class UserKeyFile : public ::testing::Test {
 protected:
  const std::string path_ = ::testing::TempDir() + "/trellis-user-key-" + std::to_string(getpid());
  const UserKey key_ = *make_user_key(make_key_pair()->public_key);

  void TearDown() override { std::filesystem::remove(path_); }
};

TEST_F(UserKeyFile, IsReadAsItWasSaved) {
  ASSERT_TRUE(save_secret(write_user_key(key_, "ada"), path_));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto read = load_user_key(path_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->server_key, key_.server_key);
  EXPECT_EQ(read->public_key, key_.public_key);
  EXPECT_EQ(read->secret_key, key_.secret_key);
  EXPECT_EQ(save_secret("x", path_).error().code, Code::kFailedPrecondition) << "nothing is written over";
}

TEST_F(UserKeyFile, IsRefusedWhereOthersCanReadIt) {
  ASSERT_TRUE(save_secret(write_user_key(key_, "ada"), path_));
  for (const mode_t mode : {0640u, 0604u, 0620u, 0602u}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    EXPECT_THAT(load_user_key(path_).error().message, HasSubstr("chmod 600")) << mode;
  }
  EXPECT_EQ(load_user_key(path_ + "-that-is-not-there").error().code, Code::kNotFound);
}

TEST_F(UserKeyFile, AClustersOwnKeyIsTakenForOne) {
  const ClusterKey cluster = *make_cluster_key(key_.public_key);
  const auto read = read_user_key(write_cluster_key(cluster), "FILE");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->server_key, cluster.public_key);
  EXPECT_EQ(read->secret_key, cluster.secret_key);
}

TEST_F(UserKeyFile, IsSoundOrRefusedWhateverTheBytes) {
  const std::string text = write_user_key(key_, "ada");
  for_each_mutation(text, 2'000, 5, [](const std::string& bytes) {
    const auto read = read_user_key(bytes, "FILE");
    EXPECT_TRUE(!read || belong_together(read->public_key, read->secret_key));
  });
  EXPECT_FALSE(read_user_key("", "FILE"));
  EXPECT_FALSE(read_user_key("server = " + key_.server_key + "\n", "FILE"));
}

}  // namespace
}  // namespace trellis
