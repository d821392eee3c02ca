// Backups that earlier software wrote: they are read for ever.
#include <gtest/gtest.h>

#include <set>

#include "cli/backup/folder.hpp"

namespace trellis {
namespace {

const std::string kFormat1 = std::string(TRELLIS_SOURCE_DIR) + "/tests/fixtures/backup-format-1";

TEST(BackupFixtures, Format1IsRead) {
  EXPECT_TRUE(verify_folder(kFormat1).empty());
  const auto manifest = read_manifest_of(kFormat1);
  ASSERT_TRUE(manifest) << to_text(manifest.error());
  EXPECT_EQ(manifest->records(), 8u);
  std::set<std::string> keys;
  std::set<std::string> expiring;
  for (const StreamEntry& stream : manifest->streams) {
    const auto wrong = read_stream_file(kFormat1, *manifest, stream, [&](const BackupRecord& record) {
      keys.emplace(record.key);
      if (record.ttl_ms) expiring.emplace(record.key);
      EXPECT_GT(record.version, 0u);
    });
    EXPECT_FALSE(wrong);
  }
  EXPECT_EQ(keys, (std::set<std::string>{"key1", "key2", "key3", "key4", "key5", "goes", "list", "\xff"}));
  EXPECT_EQ(expiring, std::set<std::string>{"goes"});
}

}  // namespace
}  // namespace trellis
