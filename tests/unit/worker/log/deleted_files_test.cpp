// What is deleted under a process that has it open.
#include "worker/log/deleted_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace trellis {
namespace {

TEST(DeletedFiles, OneThatIsOpenAndGoneIsToldAtTheSecondLook) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "deleted_files_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  DeletedFiles files(folder.string());
  std::ofstream kept(folder / "kept");
  std::ofstream open(folder / "000007.log");
  EXPECT_FALSE(files.look());
  std::filesystem::remove(folder / "000007.log");
  EXPECT_FALSE(files.look()) << "perhaps it is closed next, as the store's own are";
  const auto found = files.look();
  ASSERT_TRUE(found);
  EXPECT_NE(found->find("000007.log"), std::string::npos);
  open.close();
  EXPECT_FALSE(files.look());
}

}  // namespace
}  // namespace trellis
