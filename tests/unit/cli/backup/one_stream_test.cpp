#include "cli/backup/one_stream.hpp"

#include <gtest/gtest.h>

#include "tests/unit/cli/backup/sample_backup.hpp"

namespace trellis {
namespace {

std::string stream_of(const SampleBackup& backup) {
  std::string stream;
  for (std::uint32_t i = 0; i < SampleBackup::kPartitions; ++i) stream += bytes_of(backup.stream_path(i));
  return stream + pack_last_frame(backup.manifest);
}

Result<void> split(const std::string& stream, std::size_t piece, const std::string& folder) {
  StreamSplitter splitter(folder);
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    if (auto fed = splitter.feed(std::string_view(stream).substr(at, piece)); !fed) return fed;
  }
  return splitter.finish();
}

TEST(OneStream, IsTakenApartIntoTheFilesOfAFolder) {
  const SampleBackup backup;
  const std::string stream = stream_of(backup);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, stream.size()}) {
    const TemporaryFolder folder;
    const auto done = split(stream, piece, folder.path());
    ASSERT_TRUE(done) << piece << ": " << done.error().message;
    for (std::uint32_t i = 0; i < SampleBackup::kPartitions; ++i) {
      EXPECT_EQ(bytes_of(folder.path() + "/" + stream_file(i)), bytes_of(backup.stream_path(i)));
    }
    EXPECT_TRUE(verify_folder(folder.path()).empty());
  }
}

TEST(OneStream, ThatIsCutAnywhereIsToldAndHasNoManifest) {
  const SampleBackup backup;
  const std::string stream = stream_of(backup);
  for (std::size_t size = 0; size < stream.size(); size += 97) {
    const TemporaryFolder folder;
    EXPECT_FALSE(split(stream.substr(0, size), 4096, folder.path())) << size;
    EXPECT_FALSE(std::filesystem::exists(folder.path() + "/manifest.json"));
  }
}

TEST(OneStream, WithBytesBehindItOrInItIsToldWithThePlace) {
  const SampleBackup backup;
  const TemporaryFolder folder;
  const auto behind = split(stream_of(backup) + "x", 4096, folder.path());
  ASSERT_FALSE(behind);
  EXPECT_NE(behind.error().message.find("bytes behind the manifest"), std::string::npos);
  const auto in_it = split("x" + stream_of(backup), 4096, folder.path());
  ASSERT_FALSE(in_it);
  EXPECT_NE(in_it.error().message.find("byte 0"), std::string::npos);
  EXPECT_FALSE(split(packed_of("hello"), 4096, folder.path())) << "it is no part of a backup";
  EXPECT_FALSE(split("", 1, folder.path()));
}

TEST(OneStream, PartsOfManyRecordsAreTakenApartToo) {
  SampleBackup backup;
  std::string large;
  PackedWriter(large).bin(std::string(3 << 20, 'x'));
  backup.streams[0].records.back() = [&] {
    PackedReader reader(backup.streams[0].records.back());
    static_cast<void>(reader.read_array());
    return sample_record(*reader.read_bytes(), large, 7);
  }();
  const std::string plain = backup.streams[0].plain();
  backup.write(0, plain);
  backup.note(0, plain);
  const TemporaryFolder folder;
  const auto done = split(stream_of(backup), 1 << 20, folder.path());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(verify_folder(folder.path()).empty());
}

}  // namespace
}  // namespace trellis
