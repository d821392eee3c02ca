// What `up` keeps in its folder, and what it refuses.
#include "cli/local/cluster_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace trellis {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::vector<std::string> kTwo = {"10.0.0.1:9001", "10.0.0.2:9001"};

WantedShape want_workers(std::vector<std::string> workers) {
  WantedShape wanted;
  wanted.workers = std::move(workers);
  wanted.workers_source = "servers.txt";
  return wanted;
}

TEST(DecideShape, HasADefaultForEverything) {
  const auto shape = decide_shape({}, std::nullopt, "data");
  ASSERT_TRUE(shape);
  EXPECT_EQ(shape->workers.size(), 3u);
  EXPECT_EQ(shape->workers.front(), "127.0.0.1:9001");
  EXPECT_EQ(shape->k, 2u);
  EXPECT_EQ(shape->partitions, 16u);
}

TEST(DecideShape, TakesWhatIsNotAskedForFromTheFolder) {
  const ClusterShape held{kTwo, 1, 4, {{"persons.txt", "c1"}}};
  const auto shape = decide_shape({}, held, "data");
  ASSERT_TRUE(shape);
  EXPECT_EQ(*shape, held);
}

TEST(DecideShape, RefusesAKThatCannotBe) {
  WantedShape wanted = want_workers(kTwo);
  wanted.k = 0;
  EXPECT_EQ(decide_shape(wanted, std::nullopt, "data").error().code, Code::kInvalidArgument);
  wanted.k = 3;
  const Error error = decide_shape(wanted, std::nullopt, "data").error();
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  EXPECT_THAT(error.message, AllOf(HasSubstr("-k 3"), HasSubstr("servers.txt lists 2")));
}

TEST(DecideShape, RefusesPartitionsThatAreNoPowerOfTwo) {
  for (const std::uint32_t partitions : {0u, 3u, 2048u}) {
    WantedShape wanted;
    wanted.partitions = partitions;
    EXPECT_EQ(decide_shape(wanted, std::nullopt, "data").error().code, Code::kInvalidArgument) << partitions;
  }
}

TEST(DecideShape, RefusesAnotherShapeThanTheFoldersNamingBoth) {
  const ClusterShape held{kTwo, 2, 4, {}};
  const Error workers = decide_shape(want_workers({"10.0.0.3:1"}), held, "data").error();
  EXPECT_EQ(workers.code, Code::kFailedPrecondition);
  EXPECT_THAT(workers.message, AllOf(HasSubstr("10.0.0.2:9001"), HasSubstr("10.0.0.3:1")));
  WantedShape k;
  k.k = 1;
  EXPECT_THAT(decide_shape(k, held, "data").error().message, AllOf(HasSubstr("k=2"), HasSubstr("1")));
  WantedShape partitions;
  partitions.partitions = 8;
  EXPECT_THAT(decide_shape(partitions, held, "data").error().message, AllOf(HasSubstr("4 part"), HasSubstr("8")));
}

TEST(DecideShape, GrowsByWorkersThatAreListedBesideTheFolders) {
  const ClusterShape held{kTwo, 2, 4, {}};
  std::vector<std::string> more = kTwo;
  more.push_back("10.0.0.3:1");
  const auto shape = decide_shape(want_workers(more), held, "data");
  ASSERT_TRUE(shape) << shape.error().message;
  EXPECT_EQ(shape->workers, more);
  const Error fewer = decide_shape(want_workers({kTwo.front()}), held, "data").error();
  EXPECT_EQ(fewer.code, Code::kFailedPrecondition);
  EXPECT_THAT(fewer.message, HasSubstr("trellis member remove"));
}

TEST(DecideShape, CountsWorkersOnPortsThatFollowEachOther) {
  WantedShape wanted;
  wanted.worker_count = 4;
  const auto four = decide_shape(wanted, std::nullopt, "data");
  ASSERT_TRUE(four);
  EXPECT_EQ(four->workers,
            (std::vector<std::string>{"127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003", "127.0.0.1:9004"}));
  wanted.worker_count = 5;
  const auto five = decide_shape(wanted, *four, "data");
  ASSERT_TRUE(five);
  EXPECT_EQ(five->workers.back(), "127.0.0.1:9005");
  wanted.worker_count = 3;
  EXPECT_THAT(decide_shape(wanted, *four, "data").error().message, HasSubstr("trellis member remove"));
}

TEST(ClusterShape, AWorkerThatWasRemovedDoesNotAskToBeTakenInAgain) {
  ClusterShape shape{kTwo, 2, 4, {}, {kTwo.back()}};
  shape.drop(kTwo.back());
  EXPECT_EQ(shape, (ClusterShape{{kTwo.front()}, 1, 4, {}}));
}

TEST(ClusterShape, ToleratesWhatItsReplicasAllow) {
  const std::vector<std::string> six(6, "a:1");
  EXPECT_EQ((ClusterShape{kTwo, 2, 4, {}}).tolerates(), 0u);
  EXPECT_EQ((ClusterShape{six, 2, 4, {}}).tolerates(), 1u);
  EXPECT_EQ((ClusterShape{six, 3, 4, {}}).tolerates(), 2u);
}

class ClusterFolderTest : public testing::Test {
 protected:
  ClusterFolderTest() : path_(testing::TempDir() + "cluster_folder." + std::to_string(getpid())) {}
  ~ClusterFolderTest() override { std::filesystem::remove_all(path_); }
  void put(const std::string& name, const std::string& text) { std::ofstream(path_ + "/" + name) << text; }

  std::string path_;
};

TEST_F(ClusterFolderTest, KeepsItsShape) {
  const auto folder = ClusterFolder::open(path_);
  ASSERT_TRUE(folder);
  EXPECT_EQ(*folder->shape(), std::nullopt);
  const ClusterShape shape{kTwo, 2, 32, {{"persons.txt", "c1"}, {"others.txt", "c2"}}, {kTwo.back()}};
  ASSERT_TRUE(folder->keep(shape));
  EXPECT_EQ(*ClusterFolder::open_existing(path_)->shape(), shape);
}

TEST_F(ClusterFolderTest, RemembersALoadForTheClusterThatHasIt) {
  const auto folder = ClusterFolder::open(path_);
  ASSERT_TRUE(folder->keep(ClusterShape{kTwo, 2, 32, {{"persons.txt", "c1"}, {"others.txt", "c2"}}}));
  const auto shape = *folder->shape();
  ASSERT_NE(shape->loaded_into("c1"), nullptr) << "the folder's own, though another was loaded into since";
  EXPECT_EQ(shape->loaded_into("c1")->file, "persons.txt");
  EXPECT_EQ(shape->loaded_into("c2")->file, "others.txt");
  EXPECT_EQ(shape->loaded_into("c3"), nullptr) << "other workers, another cluster";
  const std::string earlier = R"({"format": 1, "workers": ["a:1", "b:1"], "k": 2, "partitions": 16, )";
  put("cluster.json", earlier + R"("loaded": "persons.txt", "loaded_cluster": "c1"})");
  EXPECT_NE((*folder->shape())->loaded_into("c1"), nullptr);
  EXPECT_EQ((*folder->shape())->loaded_into("c2"), nullptr);
  put("cluster.json", earlier + R"("loaded": "persons.txt"})");
  EXPECT_NE((*folder->shape())->loaded_into("c2"), nullptr) << "an earlier version did not say which";
  put("cluster.json", earlier + R"("loaded": null})");
  EXPECT_EQ((*folder->shape())->loaded_into("c1"), nullptr);
}

TEST_F(ClusterFolderTest, KeepsWhatRunsAndForgetsIt) {
  const auto folder = ClusterFolder::open(path_);
  RunningCluster running;
  running.detached = true;
  running.owner = own_identity();
  running.frontend = "127.0.0.1:1";
  running.listen = "127.0.0.1:3";
  running.metrics = "127.0.0.1:4";
  running.processes = {{"broker", own_identity()}};
  ASSERT_TRUE(folder->keep(running));
  const auto read = folder->running();
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->detached);
  EXPECT_EQ(read->listen, "127.0.0.1:3");
  EXPECT_EQ(read->metrics, "127.0.0.1:4");
  EXPECT_EQ(read->processes.at(0).identity, own_identity());
  folder->forget_running();
  EXPECT_FALSE(folder->running());
}

TEST_F(ClusterFolderTest, RefusesAFolderOfOtherThings) {
  std::filesystem::create_directories(path_);
  put("letter.txt", "Dear John");
  EXPECT_THAT(ClusterFolder::open(path_).error().message, HasSubstr("holds other files"));
}

TEST_F(ClusterFolderTest, RefusesABrokenShape) {
  const auto folder = ClusterFolder::open(path_);
  for (const char* text : {"", "{", "[]", R"({"format": 1, "workers": 7, "k": 2, "partitions": 16, "loaded": null})",
                           R"({"format": 1, "workers": ["a:1"], "k": 2, "partitions": 16, "loaded": null})"}) {
    put("cluster.json", text);
    EXPECT_THAT(folder->shape().error().message, HasSubstr("cluster.json")) << text;
  }
}

TEST_F(ClusterFolderTest, ABrokenListOfProcessesIsNone) {
  const auto folder = ClusterFolder::open(path_);
  put("running.json", R"({"format": 1, "processes": [{"pid": 1}]})");
  EXPECT_FALSE(folder->running());
}

}  // namespace
}  // namespace trellis
