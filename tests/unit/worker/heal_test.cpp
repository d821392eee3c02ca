// A damaged folder is set aside whole, one that is whole or cannot be read stays as it is.
#include "worker/heal.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "protocol/cluster/cluster_map.hpp"
#include "tests/unit/worker/log/log_on_memory.hpp"
#include "worker/data_check.hpp"
#include "worker/folder_label.hpp"
#include "worker/membership_records.hpp"
#include "worker/raft/log_records.hpp"
#include "worker/snapshot/file_snapshot_store.hpp"
#include "worker/snapshot/snapshot_file.hpp"
#include "worker/state/state_machine.hpp"

namespace trellis {
namespace {

namespace fs = std::filesystem;

class HealTest : public ::testing::Test {
 protected:
  HealTest() {
    std::string name = ::testing::TempDir() + "trellis-heal-XXXXXX";
    folder_ = mkdtemp(name.data());
    write_folder();
  }
  ~HealTest() override { fs::remove_all(folder_); }

  /// Named records, entries in several segments, and a snapshot.
  void write_folder(const std::string& map = "the cluster map") {
    LogOnMemory log(5);
    EXPECT_TRUE(log.open());
    fs::create_directory(folder_ + "/log");
    auto snapshots = FileSnapshotStore::open_folder(folder_ + "/snapshots");
    ASSERT_TRUE(snapshots);
    StateMachine state;
    FrozenState frozen = state.freeze();
    frozen.applied = {1};
    const auto descriptor = write_snapshot(frozen, {0}, {1}, {1}, snapshot_name({0}, {1}, {1}, 7), **snapshots);
    ASSERT_TRUE(descriptor) << descriptor.error().message;
    log.log->put(records::snapshot_name({0}), records::pack(records::SnapshotRecord{1, 1, 1, {}, encode(*descriptor)}));
    log.log->put(records::kMapName, map);
    log.write();
    for (std::uint64_t index = 2; index <= 13; ++index) {
      log.log->append({0}, {index}, {1, 2}, std::string(kBlockSize, 'x'));
      log.write();
    }
    log.log.reset();
    log.disk.crash(false);
    for (const auto& [name, bytes] : log.disk.image()) std::ofstream(folder_ + "/log/" + name) << bytes;
  }

  std::vector<std::string> names(const std::string& of) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ + of)) {
      if (entry.path().filename() != "LOCK") names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  void flip(const std::string& file, std::streamoff at) {
    std::fstream stream(folder_ + file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(at);
    const char was = static_cast<char>(stream.get());
    stream.seekp(at);
    stream.put(static_cast<char>(was ^ 4));
  }
  void flip_in_each_segment(std::streamoff at) {
    for (const std::string& name : names("/log")) flip("/log/" + name, at);
  }
  void expect_set_aside() {
    const auto log = names("/log");
    const auto healing = set_damage_aside(folder_);
    ASSERT_TRUE(healing) << healing.error().message;
    ASSERT_TRUE(*healing) << ::testing::PrintToString(check_folder(folder_)->faults);
    EXPECT_FALSE((*healing)->faults.empty());
    EXPECT_EQ((*healing)->aside, folder_ + "/damaged-1");
    EXPECT_EQ(names(""), std::vector<std::string>{"damaged-1"});
    EXPECT_EQ(names("/damaged-1"), (std::vector<std::string>{"log", "snapshots"}));
    EXPECT_EQ(names("/damaged-1/log"), log) << "nothing is deleted";
    EXPECT_TRUE(was_damaged(folder_));
    EXPECT_GE(damages_kept(folder_), 1u);
    const auto again = set_damage_aside(folder_);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_FALSE(*again) << "there is no folder any more that could be damaged";
  }

  std::string folder_;
};

TEST_F(HealTest, WhatIsWholeStaysWhereItIs) {
  const auto healing = set_damage_aside(folder_);
  ASSERT_TRUE(healing) << healing.error().message;
  EXPECT_FALSE(*healing) << (*healing)->faults.front();
  EXPECT_EQ(check_folder(folder_)->faults, std::vector<std::string>{});
  EXPECT_FALSE(was_damaged(folder_));
  EXPECT_EQ(names(""), (std::vector<std::string>{"log", "snapshots"}));
}

TEST_F(HealTest, AFlippedBitOfAnEntry) {
  flip_in_each_segment(2 * kBlockSize + 200);
  expect_set_aside();
}

TEST_F(HealTest, AFlippedBitOfTheNamedRecordsAmongThemTheMap) {
  flip_in_each_segment(100);
  expect_set_aside();
}

TEST_F(HealTest, AFileOfTheLogThatIsGone) {
  fs::remove(folder_ + "/log/00000002.log");
  expect_set_aside();
}

/// In use was one file, or all of them are lost: what is left is as empty as a folder in which nothing ever was.
TEST_F(HealTest, ALogOfWhichNoFileIsLeftOnceItsWorkerWasInACluster) {
  for (const std::string& name : names("/log")) fs::remove(folder_ + "/log/" + name);
  EXPECT_FALSE(*set_damage_aside(folder_)) << "nothing says that there was something";
  ASSERT_TRUE(put_folder_label(folder_, WorkerId{7}, "eb84"));
  const auto check = check_folder(folder_);
  ASSERT_TRUE(check);
  EXPECT_TRUE(check->is_damaged);
  EXPECT_NE(check->faults.front().find("is gone: this folder is that of worker 0000000000000007 of cluster eb84"),
            std::string::npos);
  const auto healing = set_damage_aside(folder_);
  ASSERT_TRUE(healing && *healing);
  EXPECT_EQ(names(""), std::vector<std::string>{"damaged-1"});
  EXPECT_EQ(names("/damaged-1"), (std::vector<std::string>{"WORKER", "log", "snapshots"}));
  EXPECT_FALSE(*set_damage_aside(folder_)) << "it is as empty as it says now";
}

TEST_F(HealTest, AFolderWithoutItsLogOnceItsWorkerWasInACluster) {
  fs::remove_all(folder_ + "/log");
  EXPECT_FALSE(*set_damage_aside(folder_)) << "nothing says that there was something";
  ASSERT_TRUE(put_folder_label(folder_, WorkerId{7}, "eb84"));
  const auto healing = set_damage_aside(folder_);
  ASSERT_TRUE(healing && *healing);
  EXPECT_EQ(names("/damaged-1"), (std::vector<std::string>{"WORKER", "snapshots"}));
}

TEST_F(HealTest, AFolderThatSaysWhoseItIsAndIsWholeStaysWhereItIs) {
  ASSERT_TRUE(put_folder_label(folder_, WorkerId{7}, "eb84"));
  EXPECT_FALSE(*set_damage_aside(folder_));
}

TEST_F(HealTest, AFlippedBitOfASnapshot) {
  flip("/snapshots/" + names("/snapshots").front(), 40);
  expect_set_aside();
}

TEST_F(HealTest, ASnapshotThatIsGone) {
  fs::remove(folder_ + "/snapshots/" + names("/snapshots").front());
  expect_set_aside();
}

TEST_F(HealTest, AFolderOfALevelThatIsNotKnownStaysWhereItIsWhateverElseCannotBeRead) {
  fs::remove_all(folder_ + "/log");
  fs::remove_all(folder_ + "/snapshots");
  ClusterMap map = make_cluster_map(std::string(32, 'a'), {1, 1, {{{1}, "127.0.0.1:9001"}}});
  map.level = kLevel + 1;
  write_folder(pack(map));
  flip("/snapshots/" + names("/snapshots").front(), 40);
  const auto healing = set_damage_aside(folder_);
  ASSERT_FALSE(healing);
  EXPECT_NE(healing.error().message.find("has level " + std::to_string(map.level)), std::string::npos);
  EXPECT_FALSE(check_folder(folder_));
  EXPECT_EQ(names(""), (std::vector<std::string>{"log", "snapshots"}));
}

TEST_F(HealTest, AFolderOfOtherSoftwareIsNoDamage) {
  std::ofstream(folder_ + "/log/CURRENT") << "MANIFEST-000005\n";
  const auto healing = set_damage_aside(folder_);
  ASSERT_TRUE(healing) << healing.error().message;
  EXPECT_FALSE(*healing);
}

TEST_F(HealTest, OneDamagedFolderIsKeptBesideAnother) {
  fs::create_directory(folder_ + "/damaged-1");
  flip_in_each_segment(2 * kBlockSize + 200);
  const auto healing = set_damage_aside(folder_);
  ASSERT_TRUE(healing);
  ASSERT_TRUE(*healing);
  EXPECT_EQ((*healing)->aside, folder_ + "/damaged-2");
}

}  // namespace
}  // namespace trellis
