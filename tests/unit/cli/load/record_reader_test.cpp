// Batches from files and pipes of every format, however their bytes arrive.
#include "cli/load/record_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "protocol/command.hpp"
#include "tests/unit/cli/pipe.hpp"

namespace trellis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const RecordRules kNoRules;

std::unique_ptr<InputSource> source(const Pipe& pipe) { return std::make_unique<FileSource>(pipe.fd()); }

/// All that becomes of a file.
struct Reading {
  std::vector<std::string> records;  ///< key -> value
  std::vector<std::string> mistakes;
  std::vector<std::size_t> sizes;  ///< Records of each batch.
  std::string refusal;
};

Reading read_all(const std::string& text, const RecordRules& rules = {}, const std::string& name = "f",
                 bool strict = false) {
  Pipe pipe;
  std::thread writer([&] {
    pipe.put(text);
    pipe.end();
  });
  RecordReader reader(source(pipe), name, rules, strict);
  Reading reading;
  while (const auto batch = reader.next()) {
    reading.sizes.push_back(batch->records());
    reading.mistakes.insert(reading.mistakes.end(), batch->mistakes.begin(), batch->mistakes.end());
    EXPECT_EQ(batch->keys.size(), batch->lines.size());
    if (batch->records() == 0) continue;
    const auto items = read_batch(batch->arguments);
    EXPECT_TRUE(items);
    for (const BatchItem& item : *items) {
      const auto put = read_put(item.arguments);
      EXPECT_TRUE(put);
      reading.records.push_back(print_record(put->key, put->document));
    }
  }
  reading.refusal = reader.refusal().value_or("");
  if (!reading.refusal.empty()) pipe.drain();
  writer.join();
  return reading;
}

RecordRules by_field(std::string_view fields) {
  RecordRules rules;
  rules.key = *KeyRule::from_fields(fields);
  return rules;
}

TEST(RecordReader, FillsBatchesInTheOrderOfTheFile) {
  Pipe pipe;
  std::string text;
  for (int i = 0; i < 1'200; ++i) text += "k" + std::to_string(i) + " -> 1\n";
  pipe.put(text);
  pipe.end();
  RecordReader reader(source(pipe), "f", kNoRules, false);
  std::vector<std::size_t> sizes;
  std::uint64_t line = 0;
  while (const auto batch = reader.next()) {
    sizes.push_back(batch->records());
    for (const std::uint64_t at : batch->lines) ASSERT_EQ(at, ++line);
  }
  EXPECT_THAT(sizes, ElementsAre(500, 500, 200));
}

TEST(RecordReader, AWrongLineLeavesNoTraceInItsBatch) {
  const auto batch_of = [](std::string_view text) {
    Pipe pipe;
    pipe.put(text);
    pipe.end();
    return *RecordReader(source(pipe), "f", kNoRules, false).next();
  };
  const RecordBatch good = batch_of("a -> 1\nb -> [ c -> 2 ]\n");
  const RecordBatch mixed = batch_of("{\"x\": 1, \"y\": [}\na -> 1\nb -> [ d -> 3\nb -> [ c -> 2 ]\nk\n");
  EXPECT_EQ(mixed.arguments, good.arguments);
  EXPECT_EQ(mixed.keys, good.keys);
  EXPECT_THAT(mixed.lines, ElementsAre(2, 4));
  EXPECT_EQ(mixed.mistakes.size(), 3u);
}

TEST(RecordReader, ASilentPipeHoldsNoRecordBack) {
  const Pipe pipe;
  pipe.put("a -> 1\n");
  RecordReader reader(source(pipe), "f", kNoRules, false);
  const auto batch = reader.next();  // The pipe is still open.
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->records(), 1u);
}

TEST(RecordReader, ReportsWrongLinesWithTheirPlace) {
  Pipe pipe;
  pipe.put("a -> 1\nb -> [\n");
  pipe.end();
  RecordReader reader(source(pipe), "data.txt", kNoRules, false);
  const auto batch = reader.next();
  ASSERT_TRUE(batch);
  EXPECT_THAT(batch->mistakes, ElementsAre(HasSubstr("data.txt:2:")));
  EXPECT_FALSE(reader.next());
}

TEST(RecordReader, ALineOfManyRecordsBecomesSeveralBatches) {
  std::string line = "{";
  for (int i = 0; i < 10'002; ++i) line += (i == 0 ? "" : ", ") + ("\"k" + std::to_string(i) + "\": 1");
  const Reading found = read_all("before -> 1\n" + line + "}\nafter -> 1\n");
  EXPECT_THAT(found.records, SizeIs(10'004));
  EXPECT_THAT(found.mistakes, IsEmpty());
  for (const std::size_t size : found.sizes) EXPECT_LE(size, RecordBatcher::kBatchRecordsMax);
}

TEST(RecordReader, ALongLineThatIsWrongCostsNoOther) {
  std::string line = "{";
  for (int i = 0; i < 10'002; ++i) line += "\"k" + std::to_string(i) + "\": 1, ";
  const Reading found = read_all("before -> 1\n" + line + "\nafter -> 1\n");
  EXPECT_THAT(found.records, ElementsAre("before -> 1", "after -> 1"));
  EXPECT_THAT(found.mistakes, SizeIs(1));
}

TEST(RecordReader, BatchesOfLargeRecordsStayWithinARequest) {
  std::string line = "{";
  for (int i = 0; i < 3; ++i) {
    line += (i == 0 ? "" : ", ") + ("\"k" + std::to_string(i) + "\": \"") + std::string(1 << 20, 'x') + "\"";
  }
  const Reading found = read_all(line + "}\nafter -> 1\n");
  EXPECT_THAT(found.records, SizeIs(4));
  for (const std::size_t size : found.sizes) EXPECT_LE(size, 1u);
}

TEST(RecordReader, TheFieldIsTheKeyAndStays) {
  const Reading found = read_all("{\"_id\": \"a\", \"n\": 1}\n\n{'_id': 7, 'n': [2]}\n", by_field("_id"));
  EXPECT_THAT(found.records, ElementsAre("a -> [ _id -> \"a\" | n -> 1 ]", "7 -> [ _id -> 7 | n -> ( 2 ) ]"));
}

TEST(RecordReader, ARecordWithoutItsKeyIsReportedAndTheOthersAreRead) {
  const Reading found = read_all("{\"a\": 1}\n  {\"b\": 2}\n{\"a\": {}}\n{\"a\": 3\n", by_field("a"));
  EXPECT_THAT(found.records, ElementsAre("1 -> [ a -> 1 ]"));
  EXPECT_THAT(found.mistakes, ElementsAre(HasSubstr("f:2:3: there is no a"), HasSubstr("f:3:1: a is a map"),
                                          HasSubstr("f:4:8: a bracket is missing")));
}

TEST(RecordReader, PositionsCountWrongRecordsToo) {
  RecordRules rules;
  rules.key = KeyRule::from_positions();
  rules.key_prefix = "row:";
  EXPECT_THAT(read_all("[{}, {\"a\"}, 5]", rules).records, ElementsAre("\"row:1\" -> []", "\"row:3\" -> 5"));
}

TEST(RecordReader, APrefixStandsInFrontOfEveryKey) {
  RecordRules rules;
  rules.key_prefix = "p_";
  const Reading found = read_all("a -> 1\n{\"b\": 2}\n" + std::string(4095, 'k') + " -> 3\n", rules);
  EXPECT_THAT(found.records, ElementsAre("p_a -> 1", "p_b -> 2"));
  EXPECT_THAT(found.mistakes, ElementsAre("f:3:1: a key has 1 to 4096 bytes, this one has 4097 with its prefix"));
}

TEST(RecordReader, KeysFromFieldsHaveTheLimitsOfKeys) {
  const Reading found = read_all(
      "{\"a\": \"\"}\n{\"a\": \"" + std::string(4097, 'k') + "\"}\n{\"a\": \"" + std::string(4096, 'k') + "\"}\n",
      by_field("a"));
  EXPECT_THAT(found.records, SizeIs(1));
  EXPECT_THAT(found.mistakes, ElementsAre("f:1:1: a key has 1 to 4096 bytes, this one has 0",
                                          "f:2:1: a key has 1 to 4096 bytes, this one has 4097"));
}

TEST(RecordReader, ObjectsThatRepeatTheirFieldsAreRefusedWithAdvice) {
  for (const char* text : {"{\"_id\": 1, \"name\": \"a\"}\n{\"_id\": 2, \"name\": \"b\"}\n",
                           "[{\"_id\": 1, \"name\": \"a\"}, {\"_id\": 2, \"name\": \"b\"}]",
                           "{\n\"_id\": 1,\n\"name\": \"a\"}\n{\"name\": 2, \"_id\": \"b\"}\n",
                           "x -> 1\n{\"_id\": 1, \"name\": \"a\"}\n{\"name\": 2, \"age\": \"b\"}\n"}) {
    const Reading found = read_all(text);
    EXPECT_THAT(found.records, IsEmpty()) << text;
    EXPECT_THAT(found.refusal, HasSubstr("as with --key-field ")) << text;
  }
  RecordRules meant;
  meant.many_records_a_line = true;
  EXPECT_THAT(read_all("{\"a\": 1, \"b\": 2}\n{\"a\": 3, \"c\": 4}\n", meant).records, SizeIs(4));
}

TEST(RecordReader, ObjectsOfManyRecordsThatDoNotRepeatAreTaken) {
  EXPECT_THAT(read_all("{\"a\": 1, \"b\": 2}\n{\"c\": 3, \"d\": 4}\n{\"a\": 1}\n").records, SizeIs(5));
  EXPECT_THAT(read_all("{\n  \"a\": {\"x\": 1},\n  \"b\": {\"x\": 2}\n}\n").records,
              ElementsAre("a -> [ x -> 1 ]", "b -> [ x -> 2 ]"));
}

TEST(RecordReader, PrettyPrintedValuesHavePlacesOfTheirOwn) {
  const Reading found = read_all("{\n  \"_id\": 1\n}\n{\n  \"_id\": 2,\n  \"é\": wörd\n}\n", by_field("_id"));
  EXPECT_THAT(found.records, ElementsAre("1 -> [ _id -> 1 ]"));
  EXPECT_THAT(found.mistakes, ElementsAre(HasSubstr("f:6:8: the bare word")));
}

TEST(RecordReader, TablesNeedAHeaderAndAKey) {
  RecordRules rules = by_field("id");
  rules.types = *ValueTypes::read("age=number");
  const Reading found = read_all(
      "\xef\xbb\xbf\"id\",name,age\r\n1,\"Ann \"\"A\"\", B\",22\r\n2,,\r\n3,x\r\n4,y,old\r\n5,\"two\nlines\",1.5\r\n",
      rules, "people.CSV");
  EXPECT_THAT(found.records, ElementsAre("1 -> [ id -> \"1\" | name -> \"Ann \\\"A\\\", B\" | age -> 22 ]",
                                         "2 -> [ id -> \"2\" | name -> \"\" | age -> null ]",
                                         "5 -> [ id -> \"5\" | name -> \"two\\nlines\" | age -> 1.5 ]"));
  EXPECT_THAT(found.mistakes, ElementsAre("people.CSV:4:1: this row has 2 cells, and the header names 3 columns",
                                          "people.CSV:5:5: the cell age is no number: \"old\""));
}

TEST(RecordReader, TypesCanBeToldByTheCells) {
  RecordRules rules = by_field("id");
  rules.types = *ValueTypes::read("auto,zip=text");
  EXPECT_THAT(read_all("id\tzip\tn\n007\t12\t-1e3\n8\t\t\n", rules, "f.tsv").records,
              ElementsAre("007 -> [ id -> \"007\" | zip -> \"12\" | n -> -1000.0 ]",
                          "8 -> [ id -> 8 | zip -> \"\" | n -> null ]"));
}

TEST(RecordReader, ATableWithSemicolonsIsTakenAsOne) {
  EXPECT_THAT(read_all("id;n\n1;2,5\n", by_field("id"), "f.csv").records,
              ElementsAre("1 -> [ id -> \"1\" | n -> \"2,5\" ]"));
}

TEST(RecordReader, TablesThatCannotBeTakenAreRefusedWithAdvice) {
  EXPECT_THAT(read_all("id,name\n1,a\n", {}, "f.csv").refusal, HasSubstr("the columns are id, name"));
  EXPECT_THAT(read_all("id,name\n1,a\n", by_field("key"), "f.csv").refusal, HasSubstr("--key-field names key"));
  EXPECT_THAT(read_all("id,id\n1,a\n", by_field("id"), "f.csv").refusal, HasSubstr("column 2 of its header"));
  EXPECT_THAT(read_all("id,\n1,a\n", by_field("id"), "f.csv").refusal, HasSubstr("has no name"));
  EXPECT_THAT(read_all("id,\"a\"b\n1,a\n", by_field("id"), "f.csv").refusal, HasSubstr("its header"));
  RecordRules rules = by_field("id");
  rules.types = *ValueTypes::read("age=number");
  EXPECT_THAT(read_all("id\n1\n", rules, "f.csv").refusal, HasSubstr("--types names age"));
}

TEST(RecordReader, AFormatThatIsNotReadIsNamedAndNothingIsTaken) {
  const auto refusal_of = [](std::string_view text) { return read_all(std::string(text), by_field("id")).refusal; };
  EXPECT_THAT(refusal_of("BZh91AY&SYk -> 1\n"), HasSubstr("bzip2 --decompress"));
  EXPECT_THAT(refusal_of(std::string_view("\xfd"
                                          "7zXZ\0\0\x04",
                                          8)),
              HasSubstr("xz --decompress"));
  EXPECT_THAT(refusal_of("PK\x03\x04k -> 1\n"), HasSubstr("zip archive"));
  EXPECT_THAT(refusal_of(std::string_view("\xff\xfe{\0}\0\n\0", 8)), HasSubstr("iconv -f utf-16 -t utf-8"));
  EXPECT_THAT(refusal_of(std::string_view("{\0}\0\n\0", 6)), HasSubstr("iconv -f utf-16le -t utf-8"));
  EXPECT_EQ(read_all("BZh9 -> 1\n").refusal, "");
}

TEST(RecordReader, LinesThatBeginLikeATableMayBeOne) {
  const auto may_be_table = [](std::string_view text, const RecordRules& rules) {
    Pipe pipe;
    pipe.put(text);
    pipe.end();
    RecordReader reader(source(pipe), "-", rules, false);
    while (reader.next()) {
    }
    return reader.may_be_table();
  };
  EXPECT_TRUE(may_be_table("id,name\n1,a\n", by_field("id")));
  EXPECT_TRUE(may_be_table("\"id\"\t\"name\"\n", kNoRules));
  EXPECT_FALSE(may_be_table("k -> [ a -> 1 | b -> \"x,y\" ]\n", kNoRules));
  EXPECT_FALSE(may_be_table("k : { a : 1 ; b : 2 }\n", kNoRules));
  RecordRules told = by_field("id");
  told.format = FileFormat::kLines;
  EXPECT_FALSE(may_be_table("id,name\n", told));
}

TEST(RecordReader, StrictStopsAtTheFirstWrongPiece) {
  const Reading found = read_all("[{\"a\": 1}, {\"b\": 2}, {\"a\": 3}]", by_field("a"), "f", true);
  EXPECT_THAT(found.records, ElementsAre("1 -> [ a -> 1 ]"));
  EXPECT_THAT(found.mistakes, SizeIs(1));
}

}  // namespace
}  // namespace trellis
