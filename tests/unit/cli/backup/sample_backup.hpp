// A small backup on the disk, and what changes it: for tests that damage one.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "cli/backup/compressor.hpp"
#include "cli/backup/folder.hpp"
#include "cli/backup/stream.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "protocol/packed.hpp"

namespace trellis {

/// A folder that goes with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "trellis-backup-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}
inline void put_bytes(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string packed_of(const std::string& plain) {
  std::string packed;
  Compressor compressor;
  compressor.add(plain, packed);
  compressor.finish(packed);
  return packed;
}

/// What a stream of one partition holds, value by value, so that a test can change one.
struct SampleStream {
  StreamHeader header;
  std::vector<std::string> records;  ///< Packed.

  std::string plain() const {
    std::string bytes;
    StreamWriter writer(header, bytes);
    for (const std::string& record : records) writer.add_packed(record);
    writer.finish();
    return bytes;
  }
};

inline std::string sample_record(std::string_view key, std::string_view document, std::uint64_t version,
                                 std::string_view packed_ttl = "\xc0") {
  std::string packed;
  PackedWriter(packed).array(4).key(key).packed(document).natural(version).packed(packed_ttl);
  return packed;
}
inline std::string packed_number(std::uint64_t number) {
  std::string packed;
  PackedWriter(packed).natural(number);
  return packed;
}
inline std::string sample_document(std::uint64_t number) {
  std::string packed;
  PackedWriter(packed).map(2).str("number").natural(number).str("name").str("somebody");
  return packed;
}

/// A backup of 200 records in 4 partitions.
class SampleBackup {
 public:
  static constexpr std::uint32_t kPartitions = 4;
  static constexpr int kRecords = 200;

  SampleBackup() {
    manifest.software = "0.1.0";
    manifest.backup = "00000000000000aa";
    manifest.cluster = "0123456789abcdef0123456789abcdef";
    manifest.epoch = 1;
    manifest.k = 2;
    manifest.partitions = kPartitions;
    manifest.taken = "2026-01-31T12:00:00Z";
    manifest.highest_index = 1042;
    std::map<std::string, std::string> sorted;
    for (int i = 0; i < kRecords; ++i) {
      const auto number = static_cast<std::uint64_t>(i);
      const std::string key = "key:" + std::to_string(i);
      const std::string ttl = i % 10 == 0 ? packed_number(60'000 + number) : std::string(1, '\xc0');
      sorted[key] = sample_record(key, sample_document(number), 4096 * (number + 1), ttl);
    }
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
      SampleStream& stream = streams.emplace_back();
      stream.header = {manifest.backup, kPartitions, partition, {1000 + partition, 3}};
      for (const auto& [key, record] : sorted) {
        if (partition_of(key, kPartitions).value == partition) stream.records.push_back(record);
      }
      manifest.streams.emplace_back();
      write(partition, stream.plain());
      note(partition, stream.plain());
    }
    write_manifest_file();
  }

  std::string path(const std::string& name) const { return folder.path() + "/" + name; }
  std::string stream_path(std::uint32_t partition) const { return path(stream_file(partition)); }
  void write(std::uint32_t partition, const std::string& plain) { put_bytes(stream_path(partition), packed_of(plain)); }
  /// Has the manifest say what a stream is.
  void note(std::uint32_t partition, const std::string& plain) {
    const std::string packed = packed_of(plain);
    StreamEntry& entry = manifest.streams[partition];
    entry.file = stream_file(partition);
    entry.partition = partition;
    entry.fence = streams[partition].header.fence;
    entry.packed_bytes = packed.size();
    RunningHash hash;
    hash.add(packed);
    entry.packed_checksum = hash.value();
    StreamParser parser([](const BackupRecord&) {});
    if (parser.feed(plain)) entry.totals = parser.totals();
  }
  void write_manifest_file() { put_bytes(path("manifest.json"), write_manifest(manifest)); }

  TemporaryFolder folder;
  Manifest manifest;
  std::vector<SampleStream> streams;
};

}  // namespace trellis
