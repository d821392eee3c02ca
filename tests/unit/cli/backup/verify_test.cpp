// What `trellis backup verify` says of damaged backups: the file, the byte, and what would be right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <xxhash.h>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/unit/cli/backup/sample_backup.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

struct Kind {
  const char* name;
  std::function<void(SampleBackup&)> damage;
  const char* file;
  const char* what;
  const char* right = "";
  std::optional<std::uint64_t> offset = std::nullopt;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

/// Changes the manifest's JSON, and gives it the checksum that belongs to it then.
void rewrite(SampleBackup& backup, const std::function<void(nlohmann::ordered_json&)>& change) {
  auto json = nlohmann::ordered_json::parse(write_manifest(backup.manifest));
  change(json);
  json.erase("checksum");
  std::string text = json.dump(2);
  text.erase(text.size() - 2);
  text += ",\n";
  const std::string checksum = hex_of(XXH3_64bits(text.data(), text.size()));
  put_bytes(backup.path("manifest.json"), text + "  \"checksum\": \"" + checksum + "\"\n}\n");
}
std::function<void(SampleBackup&)> with_field(const char* name, nlohmann::ordered_json value) {
  return [=](SampleBackup& backup) { rewrite(backup, [&](auto& json) { json[name] = value; }); };
}
std::function<void(SampleBackup&)> with_bytes(const char* file,
                                              const std::function<std::string(const std::string&)>& change) {
  return [=](SampleBackup& backup) { put_bytes(backup.path(file), change(bytes_of(backup.path(file)))); };
}
std::string flipped(std::string bytes, std::size_t at) {
  bytes.at(at) = static_cast<char>(bytes.at(at) ^ 0x20);
  return bytes;
}

/// Partition 1 is written anew with other values, and the manifest stays.
std::function<void(SampleBackup&)> with_stream(const std::function<void(SampleStream&)>& change) {
  return [=](SampleBackup& backup) {
    SampleStream stream = backup.streams[1];
    change(stream);
    backup.write(1, stream.plain());
  };
}
std::function<void(SampleBackup&)> with_record(const std::string& record) {
  return with_stream([=](SampleStream& stream) { stream.records[3] = record; });
}
/// A key of partition 1 that comes behind the third.
std::string fourth_key() {
  const SampleBackup backup;
  PackedReader reader(backup.streams[1].records[3]);
  static_cast<void>(reader.read_array());
  return std::string(*reader.read_bytes());
}
std::function<void(SampleBackup&)> with_plain(const std::function<std::string(const std::string&)>& change) {
  return [=](SampleBackup& backup) { backup.write(1, change(backup.streams[1].plain())); };
}
std::uint64_t offset_of_fourth() {
  const SampleBackup backup;
  SampleStream three = backup.streams[1];
  three.records.resize(3);
  std::string bytes;
  StreamWriter writer(three.header, bytes);
  for (const std::string& record : three.records) writer.add_packed(record);
  return bytes.size();
}

constexpr const char* kManifest = "manifest.json";
constexpr const char* kFirst = "partition-0001.msgpack.zst";

std::vector<Kind> kinds() {
  const auto text = [](std::string_view value) {
    std::string packed;
    PackedWriter(packed).str(value);
    return packed;
  };
  const std::string key = fourth_key();
  const std::string document = sample_document(1);
  const std::uint64_t fourth = offset_of_fourth();
  const auto record = [](const std::function<void(PackedWriter&)>& write) {
    std::string packed;
    PackedWriter writer(packed);
    write(writer);
    return packed;
  };
  return {
      {"no manifest", [](SampleBackup& b) { std::filesystem::remove(b.path(kManifest)); }, kManifest, "No such file",
       "written last"},
      {"an empty manifest", with_bytes(kManifest, [](auto&) { return ""; }), kManifest, "ends here", "more of it", 0},
      {"half a manifest", with_bytes(kManifest, [](auto& all) { return all.substr(0, all.size() / 2); }), kManifest,
       "does not end with its checksum", "16 hex digits"},
      {"a manifest that lacks its last byte",
       with_bytes(kManifest, [](auto& all) { return all.substr(0, all.size() - 1); }), kManifest,
       "does not end with its checksum"},
      {"a changed byte in the manifest", with_bytes(kManifest, [](auto& all) { return flipped(all, 40); }), kManifest,
       "checksum is", "for what stands before it"},
      {"a changed digit of the manifest's checksum",
       with_bytes(kManifest, [](auto& all) { return flipped(all, all.size() - 6); }), kManifest, "checksum"},
      {"a manifest of another format", with_field("format", 2), kManifest, "format 2", "format 1"},
      {"users that are none", with_field("users", 7), kManifest, "users: ", "as a cluster can have them"},
      {"a manifest without partitions", with_field("partitions", 0), kManifest, "partitions", "an int from 1 to 1024"},
      {"a negative number", with_field("epoch", -1), kManifest, "epoch", "an int from 0"},
      {"a field that is gone", [](SampleBackup& b) { rewrite(b, [](auto& json) { json.erase("k"); }); }, kManifest,
       "k is not what it can be", "there to be one"},
      {"a stream that is not in the list",
       [](SampleBackup& b) { rewrite(b, [](auto& json) { json["streams"].erase(2); }); }, kManifest,
       "partition 2 is nowhere"},
      {"a stream that is in the list twice",
       [](SampleBackup& b) { rewrite(b, [](auto& json) { json["streams"].push_back(json["streams"][3]); }); },
       kManifest, "beyond the last"},
      {"a file elsewhere",
       [](SampleBackup& b) { rewrite(b, [](auto& json) { json["streams"][1]["file"] = "../other"; }); }, kManifest,
       "stream 1: file", kFirst},
      {"a partition that is there and missing", with_field("missing_partitions", {2}), kManifest,
       "partition 2 is missing and there"},
      {"a missing partition that cannot be", with_field("missing_partitions", {4}), kManifest, "missing partition",
       "ints below 4"},
      {"a highest index below another", with_field("highest_index", 1001), kManifest, "highest_index lies below"},
      {"a cluster that is no text", with_field("cluster", 7), kManifest, "cluster", "a text"},
      {"a backup's name that is none", with_field("backup", "x"), kManifest, "backup", "16 hex digits"},
      {"streams that are no list", with_field("streams", "none"), kManifest, "streams", "an array"},
      {"a stream that is no object", with_field("streams", {1}), kManifest, "stream 0: it is no object"},
      {"a manifest that is no JSON",
       [](SampleBackup& b) {
         const std::string head = "{,\n";
         const std::string sum = hex_of(XXH3_64bits(head.data(), head.size()));
         put_bytes(b.path(kManifest), head + "  \"checksum\": \"" + sum + "\"\n}\n");
       },
       kManifest, "no JSON object"},
      {"a manifest that is too large",
       [](SampleBackup& b) { put_bytes(b.path(kManifest), std::string((4 << 20) + 1, ' ')); }, kManifest,
       "larger than it can be"},

      {"a file that is gone", [](SampleBackup& b) { std::filesystem::remove(b.path(kFirst)); }, kFirst, "No such file",
       "the stream of partition 1"},
      {"an empty file", with_bytes(kFirst, [](auto&) { return ""; }), kFirst, "ends here", "zstd data", 0},
      {"a file of three bytes", with_bytes(kFirst, [](auto& all) { return all.substr(0, 3); }), kFirst, "ends here",
       "zstd data", 3},
      {"a file that is not packed", with_bytes(kFirst, [](auto&) { return "some text"; }), kFirst,
       "no zstd data begins here", "28 b5 2f fd", 0},
      {"half a file", with_bytes(kFirst, [](auto& all) { return all.substr(0, all.size() / 2); }), kFirst,
       "the stream ends", "more"},
      {"a file that lacks its last byte", with_bytes(kFirst, [](auto& all) { return all.substr(0, all.size() - 1); }),
       kFirst, "zstd data ends early", "more of it"},
      {"a changed byte in a file", with_bytes(kFirst, [](auto& all) { return flipped(all, all.size() / 2); }), kFirst,
       "", ""},
      {"a changed byte in zstd's checksum", with_bytes(kFirst, [](auto& all) { return flipped(all, all.size() - 1); }),
       kFirst, "zstd data is damaged", "checksum is right"},
      {"bytes behind a file", with_bytes(kFirst, [](auto& all) { return all + "more"; }), kFirst, "behind the stream",
       "its end"},
      {"a second stream behind the first", with_bytes(kFirst, [](auto& all) { return all + all; }), kFirst,
       "behind the stream", "its end"},
      {"two files exchanged",
       [](SampleBackup& b) {
         const std::string other = bytes_of(b.stream_path(0));
         put_bytes(b.stream_path(1), other);
       },
       kFirst, "this is the stream of partition 0 of 4", "partition 1 of 4"},
      {"a file of another backup", with_stream([](SampleStream& stream) { stream.header.backup = "00000000000000bb"; }),
       kFirst, "backup 00000000000000bb", "backup 00000000000000aa"},
      {"a file of another cut", with_stream([](SampleStream& stream) { stream.header.fence.index = 900; }), kFirst,
       "index 900", "index 1001"},
      {"a file of another term", with_stream([](SampleStream& stream) { stream.header.fence.term = 4; }), kFirst,
       "term 4", "term 3"},
      {"a file that nobody knows", [](SampleBackup& b) { put_bytes(b.path("partition-0009.msgpack.zst"), "x"); },
       "partition-0009.msgpack.zst", "knows no such stream", "no such file"},

      {"no header", with_plain([=](auto&) { return text("hello"); }), kFirst, "no stream of a backup", "header", 0},
      {"a header of another format", with_plain([=](auto& all) {
         std::string changed = all;
         changed[16] = 2;
         return changed;
       }),
       kFirst, "format 2", "format 1", 0},
      {"a header with an impossible partition", with_stream([](SampleStream& stream) { stream.header.partition = 4; }),
       kFirst, "header that cannot be read"},
      {"a text between the records", with_record(text("hello")), kFirst, "neither record nor trailer",
       "[key, document, version, ttl_ms]", fourth},
      {"a record of three values",
       with_record(record([&](PackedWriter& w) { w.array(3).str(key).packed(document).natural(1); })), kFirst,
       "neither record nor trailer", "[key, document", fourth},
      {"a key that is a number",
       with_record(record([&](PackedWriter& w) { w.array(4).natural(1).packed(document).natural(1).nil(); })), kFirst,
       "without a key", "1 to 4096 bytes", fourth},
      {"an empty key",
       with_record(record([&](PackedWriter& w) { w.array(4).str("").packed(document).natural(1).nil(); })), kFirst,
       "without a key", "1 to 4096 bytes", fourth},
      {"a key that is too long", with_record(record([&](PackedWriter& w) {
         w.array(4).str(std::string(4097, 'k')).packed(document).natural(1).nil();
       })),
       kFirst, "without a key", "1 to 4096 bytes", fourth},
      {"a key of another partition",
       [](SampleBackup& b) {
         SampleStream stream = b.streams[1];
         stream.records[3] = b.streams[0].records[3];
         b.write(1, stream.plain());
       },
       kFirst, "belongs to partition 0", "a key of partition 1", fourth},
      {"keys out of order", with_stream([](SampleStream& stream) { std::swap(stream.records[3], stream.records[2]); }),
       kFirst, "does not follow the one before it", "a key greater than"},
      {"a key twice", with_stream([](SampleStream& stream) { stream.records[3] = stream.records[2]; }), kFirst,
       "does not follow the one before it", "a key greater than", fourth},
      {"an ext value", with_record(sample_record(key, std::string("\xd4\x01\x02"), 1)), kFirst, "the document of"},
      {"a key twice in a document", with_record(sample_record(key, std::string("\x82\xa1\x61\x01\xa1\x61\x02"), 1)),
       kFirst, "the document of"},
      {"text that is no UTF-8", with_record(sample_record(key, std::string("\xa1\xff"), 1)), kFirst, "the document of"},
      {"version 0", with_record(sample_record(key, document, 0)), kFirst, "without a version", "an int from 1"},
      {"no version", with_record(record([&](PackedWriter& w) { w.array(4).str(key).packed(document).nil().nil(); })),
       kFirst, "without a version", "an int from 1"},
      {"no time left", with_record(sample_record(key, document, 1, packed_number(0))), kFirst, "cannot have left",
       "or nil"},
      {"more time than there is", with_record(sample_record(key, document, 1, packed_number(315'360'000'001))), kFirst,
       "cannot have left", "or nil"},
      {"time that is a text",
       with_record(record([&](PackedWriter& w) { w.array(4).str(key).packed(document).natural(1).str("1"); })), kFirst,
       "cannot have left", "or nil"},
      {"a document cut short by its own head", with_record(record([&](PackedWriter& w) {
         w.array(4).str(key).packed(std::string("\xdb\x7f\xff\xff\xff", 5));
       })),
       kFirst, "the stream ends here, after 3 records", "trailer"},
      {"a record that is gone", with_plain([](auto& all) {
         const SampleBackup backup;
         const std::string lost = backup.streams[1].records[3];
         std::string changed = all;
         return changed.erase(changed.find(lost), lost.size());
       }),
       kFirst, "the trailer counts", "as many as there are"},
      {"a changed document", with_plain([](auto& all) {
         std::string changed = all;
         changed[changed.rfind("somebody")] = 'S';
         return changed;
       }),
       kFirst, "the trailer's checksum is", "for what stands before it"},
      {"no trailer", with_plain([](auto& all) {
         const SampleBackup backup;
         const std::string last = backup.streams[1].records.back();
         return all.substr(0, all.rfind(last) + last.size());
       }),
       kFirst, "the stream ends here", "trailer"},
      {"a value behind the trailer", with_plain([](auto& all) { return all + "\xc0"; }), kFirst, "behind the trailer",
       "the end of the stream"},
      {"another stream with a checksum of its own", with_stream([](SampleStream& stream) {
         std::string& record = stream.records[3];
         record[record.rfind("somebody")] = 'S';
       }),
       kFirst, "with checksum", "as the manifest says", 0},
      {"records that the manifest does not count", with_stream([](SampleStream& stream) { stream.records.pop_back(); }),
       kFirst, "records", "as the manifest says", 0},
      {"the same stream packed otherwise",
       [](SampleBackup& b) {
         const std::string plain = b.streams[1].plain();
         std::string packed;
         Compressor compressor;
         compressor.add(std::string_view(plain).substr(0, 100), packed);
         compressor.finish(packed);
         compressor.add(std::string_view(plain).substr(100), packed);
         compressor.finish(packed);
         put_bytes(b.path(kFirst), packed);
       },
       kFirst, "a file of", "as the manifest says", 0},
  };
}

class Verify : public ::testing::TestWithParam<Kind> {};

TEST_P(Verify, NamesFileAndPlaceAndWhatWouldBeRight) {
  SampleBackup backup;
  GetParam().damage(backup);
  const std::vector<Damage> found = verify_folder(backup.folder.path());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].file, GetParam().file);
  EXPECT_THAT(to_text(found[0]), HasSubstr(GetParam().what));
  EXPECT_THAT(found[0].right, HasSubstr(GetParam().right));
  if (GetParam().offset) {
    EXPECT_EQ(found[0].offset, *GetParam().offset) << to_text(found[0]);
  }
}

INSTANTIATE_TEST_SUITE_P(Damages, Verify, ::testing::ValuesIn(kinds()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

TEST(VerifyKinds, AreAtLeastForty) { EXPECT_GE(kinds().size(), 40u); }

TEST(VerifyBackup, SaysNothingOfAWholeOneAndToldWhatItRead) {
  const SampleBackup backup;
  std::size_t files = 0;
  EXPECT_TRUE(verify_folder(backup.folder.path(), [&](const StreamEntry&) { ++files; }).empty());
  EXPECT_EQ(files, 4u);
}

TEST(VerifyBackup, SeveralDamagedFilesAreEachNamed) {
  SampleBackup backup;
  std::filesystem::remove(backup.stream_path(0));
  put_bytes(backup.stream_path(3), "broken");
  const auto found = verify_folder(backup.folder.path());
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].file, stream_file(0));
  EXPECT_EQ(found[1].file, stream_file(3));
}

TEST(BackupManifest, GivesBackWhatWasWritten) {
  SampleBackup backup;
  backup.manifest.missing = {3};
  backup.manifest.streams.pop_back();
  const auto read = read_manifest(write_manifest(backup.manifest));
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_EQ(*read, backup.manifest);
  EXPECT_EQ(name_of_restore(*read), name_of_restore(backup.manifest));
}

TEST(BackupManifest, EachByteThatIsChangedIsTold) {
  const SampleBackup backup;
  const std::string good = write_manifest(backup.manifest);
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_FALSE(read_manifest(flipped(good, at))) << "byte " << at;
  }
}

TEST(BesideFile, LeavesNothingBehindWhereItIsGivenUp) {
  const TemporaryFolder folder;
  {
    auto file = BesideFile::create(folder.path(), "name");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("half"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  ASSERT_TRUE(write_file(folder.path(), "name", "whole"));
  EXPECT_EQ(bytes_of(folder.path() + "/name"), "whole");
}

}  // namespace
}  // namespace trellis
