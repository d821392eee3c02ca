#include "worker/snapshot/file_snapshot_store.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace trellis {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

/// A folder of its own for each test, gone with it.
class FileSnapshotStoreTest : public ::testing::Test {
 protected:
  FileSnapshotStoreTest() {
    std::string pattern = fs::temp_directory_path() / "trellis-snapshots-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = open();
  }
  ~FileSnapshotStoreTest() override { fs::remove_all(folder_); }

  std::unique_ptr<FileSnapshotStore> open() const { return std::move(*FileSnapshotStore::open_folder(folder_)); }
  void write(const std::string& name, std::string_view bytes) {
    auto sink = store_->create(name);
    ASSERT_TRUE(sink);
    ASSERT_TRUE((*sink)->write(bytes));
    ASSERT_TRUE((*sink)->commit());
  }

  std::string folder_;
  std::unique_ptr<FileSnapshotStore> store_;
};

TEST_F(FileSnapshotStoreTest, WhatWasCommittedIsReadAtAnyOffset) {
  write("one", "0123456789");
  const auto source = store_->open("one");
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->size(), 10u);
  EXPECT_EQ(*(*source)->read(0, 4), "0123");
  EXPECT_EQ(*(*source)->read(8, 100), "89");
  EXPECT_EQ(*(*source)->read(10, 1), "");
  EXPECT_EQ(*(*source)->read(UINT64_MAX, 1), "");
}

TEST_F(FileSnapshotStoreTest, NothingAppearsBeforeItIsCommitted) {
  {
    auto sink = store_->create("one");
    ASSERT_TRUE((*sink)->write("text"));
    EXPECT_EQ(*store_->list(), Names{});
    EXPECT_EQ(store_->open("one").error().code, Code::kNotFound);
  }
  EXPECT_TRUE(fs::is_empty(folder_)) << "a sink that is given up leaves nothing";
}

TEST_F(FileSnapshotStoreTest, ListsInOrderAndRemoves) {
  write("b", "2");
  write("a", "1");
  EXPECT_EQ(*store_->list(), (Names{"a", "b"}));
  EXPECT_TRUE(store_->remove("a"));
  EXPECT_TRUE(store_->remove("a")) << "it is gone already";
  EXPECT_EQ(*store_->list(), Names{"b"});
}

TEST_F(FileSnapshotStoreTest, WhoeverReadsGoesOnWhenItIsRemovedOrReplaced) {
  write("one", "old");
  const auto source = store_->open("one");
  write("one", "new");
  EXPECT_EQ(*(*source)->read(0, 10), "old");
  EXPECT_EQ(*(*store_->open("one"))->read(0, 10), "new");
  const auto latest = store_->open("one");
  ASSERT_TRUE(store_->remove("one"));
  EXPECT_EQ(*(*latest)->read(0, 10), "new");
}

TEST_F(FileSnapshotStoreTest, ARestartRemovesWhatWasBegunAndNotCommitted) {
  write("whole", "text");
  std::ofstream(folder_ + "/torn.part") << "te";
  store_ = open();
  EXPECT_EQ(*store_->list(), Names{"whole"});
  EXPECT_FALSE(fs::exists(folder_ + "/torn.part"));
}

TEST_F(FileSnapshotStoreTest, NamesCannotLeaveTheFolder) {
  for (const char* name : {"", ".", "..", "../x", "a/b", ".hidden", "a.part", "a b"}) {
    EXPECT_FALSE(store_->create(name)) << name;
    EXPECT_FALSE(store_->open(name)) << name;
    EXPECT_FALSE(store_->remove(name)) << name;
  }
}

TEST_F(FileSnapshotStoreTest, SaysWhichFileAndWhy) {
  const auto missing = store_->open("missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, folder_ + "/missing: cannot open: No such file or directory");
  std::ofstream(folder_ + "/file") << "text";
  const auto not_a_folder = FileSnapshotStore::open_folder(folder_ + "/file/sub");
  ASSERT_FALSE(not_a_folder);
  EXPECT_NE(not_a_folder.error().message.find("Not a directory"), std::string::npos);
}

}  // namespace
}  // namespace trellis
