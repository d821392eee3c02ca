// What a worker's folder says of itself.
#include "worker/folder_label.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace trellis {
namespace {

namespace fs = std::filesystem;

class FolderLabelTest : public ::testing::Test {
 protected:
  FolderLabelTest() {
    std::string name = ::testing::TempDir() + "trellis-label-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~FolderLabelTest() override { fs::remove_all(folder_); }
  void write(const std::string& text) const { std::ofstream(folder_ + "/WORKER", std::ios::binary) << text; }

  std::string folder_;
};

TEST_F(FolderLabelTest, AnEmptyFolderHasNone) {
  EXPECT_EQ(folder_label(folder_), std::nullopt);
  EXPECT_EQ(folder_label(folder_ + "/none"), std::nullopt);
}

TEST_F(FolderLabelTest, SaysWhoseItIsAndIsWrittenAnewForAnotherOne) {
  ASSERT_TRUE(put_folder_label(folder_, WorkerId{0xab}, "eb84"));
  EXPECT_EQ(folder_label(folder_), "worker 00000000000000ab of cluster eb84");
  const auto written = fs::last_write_time(folder_ + "/WORKER");
  ASSERT_TRUE(put_folder_label(folder_, WorkerId{0xab}, "eb84"));
  EXPECT_EQ(fs::last_write_time(folder_ + "/WORKER"), written) << "it says so already";
  ASSERT_TRUE(put_folder_label(folder_, WorkerId{0xcd}, "eb84"));
  EXPECT_EQ(folder_label(folder_), "worker 00000000000000cd of cluster eb84");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1) << "nothing else is left";
}

TEST_F(FolderLabelTest, OneThatIsDamagedIsThereAllTheSameAndSafeToPrint) {
  write("");
  EXPECT_EQ(folder_label(folder_), "");
  write("worker \x1b[2J\nand more");
  EXPECT_EQ(folder_label(folder_), "worker ?[2J");
  write(std::string(1'000, 'x'));
  EXPECT_EQ(folder_label(folder_), std::string(200, 'x'));
  ASSERT_TRUE(put_folder_label(folder_, WorkerId{1}, "eb84"));
  EXPECT_EQ(folder_label(folder_), "worker 0000000000000001 of cluster eb84");
}

TEST_F(FolderLabelTest, WhereItCannotBeWrittenThatIsSaid) {
  const auto put = put_folder_label(folder_ + "/none", WorkerId{1}, "eb84");
  ASSERT_FALSE(put);
  EXPECT_NE(put.error().message.find("cannot write " + folder_ + "/none/WORKER"), std::string::npos);
}

}  // namespace
}  // namespace trellis
