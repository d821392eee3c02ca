// Streams of backups: what is written is read, in pieces of any size.
#include "cli/backup/stream.hpp"

#include <gtest/gtest.h>

#include "tests/unit/cli/backup/sample_backup.hpp"

namespace trellis {
namespace {

StreamHeader header() { return {"00000000000000aa", 1, 0, {7, 3}}; }

struct Owned {
  std::string key;
  std::string document;
  std::uint64_t version;
  std::optional<std::uint64_t> ttl_ms;
  bool operator==(const Owned&) const = default;
};

std::vector<Owned> records_in(const std::string& bytes, std::size_t piece) {
  std::vector<Owned> records;
  StreamParser parser([&](const BackupRecord& record) {
    records.push_back({std::string(record.key), std::string(record.document), record.version, record.ttl_ms});
  });
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto fed = parser.feed(std::string_view(bytes).substr(at, piece));
    EXPECT_TRUE(fed) << to_text(fed.error());
    if (!fed) return {};
  }
  EXPECT_TRUE(parser.finish());
  EXPECT_EQ(parser.totals().bytes, bytes.size());
  EXPECT_EQ(parser.header(), header());
  return records;
}

TEST(BackupStream, GivesBackWhatWasWrittenWhateverThePieces) {
  std::string bytes;
  StreamWriter writer(header(), bytes);
  std::string large;
  PackedWriter(large).bin(std::string(300'000, '\xff'));
  const std::string small = sample_document(1);
  const std::string binary_key("\x00\xff\xfe", 3);
  const std::vector<Owned> wanted = {{binary_key, small, 1, std::nullopt},
                                     {"a", small, 4096, 1},
                                     {"b", large, std::uint64_t{1} << 52, 315'360'000'000},
                                     {"\xc3\xa4", std::string(1, '\xc0'), 12, std::nullopt}};
  for (const Owned& each : wanted) writer.add({each.key, each.document, each.version, each.ttl_ms});
  const StreamTotals totals = writer.finish();
  EXPECT_EQ(totals.records, 4u);
  EXPECT_EQ(totals.bytes, bytes.size());
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, bytes.size()}) {
    EXPECT_EQ(records_in(bytes, piece), wanted) << piece;
  }
}

TEST(BackupStream, OneWithoutRecordsIsWhole) {
  std::string bytes;
  StreamWriter writer(header(), bytes);
  writer.finish();
  EXPECT_TRUE(records_in(bytes, 1).empty());
}

TEST(BackupStream, EachByteThatIsChangedIsToldAndEachCutToo) {
  SampleBackup backup;
  const std::string good = backup.streams[2].plain();
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    StreamParser parser([](const BackupRecord&) {});
    const auto fed = parser.feed(bad);
    const bool is_other_header = parser.header() && *parser.header() != backup.streams[2].header;
    EXPECT_TRUE(!fed || !parser.finish() || is_other_header) << "byte " << at;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    StreamParser parser([](const BackupRecord&) {});
    const auto fed = parser.feed(good.substr(0, size));
    EXPECT_TRUE(fed) << size;
    EXPECT_FALSE(parser.finish()) << size;
  }
}

}  // namespace
}  // namespace trellis
