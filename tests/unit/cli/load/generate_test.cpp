#include "cli/load/generate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "protocol/json.hpp"
#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

GenerateOptions options() {
  GenerateOptions out;
  out.keys =
      *read_key_file("name string\nage int\nheight float\nstreet string\nlevel int\n\"my key\" float\n", "keys.txt");
  return out;
}

std::vector<std::string> lines_of(const GenerateOptions& given) {
  std::string text;
  EXPECT_TRUE(check(given));
  EXPECT_TRUE(generate(given, [&](std::string_view lines) { return text.append(lines), true; }));
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

/// What a document is made of.
struct Shape {
  std::size_t depth = 0;  ///< Maps inside one another.
  std::size_t keys_max = 0;
  std::size_t string_max = 0;
  std::size_t string_min = SIZE_MAX;
  std::set<PackedType> types;
};

void measure(PackedReader& reader, std::size_t depth, Shape& shape) {
  const PackedToken token = *reader.next();
  shape.types.insert(token.type);
  if (token.type == PackedType::kStr) {
    shape.string_max = std::max(shape.string_max, token.bytes.size());
    shape.string_min = std::min(shape.string_min, token.bytes.size());
  }
  if (token.type != PackedType::kMap) return;
  shape.depth = std::max(shape.depth, depth + 1);
  shape.keys_max = std::max<std::size_t>(shape.keys_max, token.count);
  for (std::uint32_t i = 0; i < token.count; ++i) {
    ASSERT_TRUE(reader.read_str());
    measure(reader, depth + 1, shape);
  }
}

TEST(Generate, KeepsToItsBounds) {
  GenerateOptions given = options();
  given.records = 5000;
  Shape shape;
  const auto lines = lines_of(given);
  ASSERT_EQ(lines.size(), 5000u);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto records = parse_records(lines[i]);
    ASSERT_TRUE(records) << lines[i];
    ASSERT_EQ(records->size(), 1u);
    EXPECT_EQ((*records)[0].key, "key" + std::to_string(i + 1));
    EXPECT_EQ(print_record((*records)[0].key, (*records)[0].document), lines[i]);  // As GET prints it.
    PackedReader reader((*records)[0].document);
    measure(reader, 0, shape);
  }
  EXPECT_EQ(shape.depth, 4u);  // The record's own map and 3 inside it.
  EXPECT_EQ(shape.keys_max, 5u);
  EXPECT_EQ(shape.string_min, 1u);
  EXPECT_EQ(shape.string_max, 4u);
  EXPECT_EQ(shape.types,
            (std::set<PackedType>{PackedType::kUint, PackedType::kFloat64, PackedType::kStr, PackedType::kMap}));
}

TEST(Generate, TypesAreTheKeyFiles) {
  GenerateOptions given = options();
  given.depth_max = 0;
  for (const std::string& line : lines_of(given)) {
    const auto records = parse_records(line);
    PackedReader reader((*records)[0].document);
    const auto pairs = reader.read_map();
    ASSERT_TRUE(pairs && *pairs >= 1);
    for (std::uint32_t i = 0; i < *pairs; ++i) {
      const std::string_view name = *reader.read_str();
      const PackedType type = reader.next()->type;
      const bool is_string = name == "name" || name == "street";
      const bool is_int = name == "age" || name == "level";
      EXPECT_EQ(type, is_string ? PackedType::kStr : is_int ? PackedType::kUint : PackedType::kFloat64) << line;
    }
  }
}

TEST(Generate, TheSameSeedGivesTheSameBytes) {
  GenerateOptions given = options();
  EXPECT_EQ(lines_of(given), lines_of(given));
  const auto first = lines_of(given);
  given.seed = 2;
  EXPECT_NE(lines_of(given), first);
  // Pinned: it may not change with the compiler, the library or the machine.
  given.seed = 42;
  given.records = 3;
  EXPECT_EQ(
      lines_of(given),
      (std::vector<std::string>{"key1 -> [ height -> [] | name -> \"o\" ]", "key2 -> [ name -> [] ]",
                                "key3 -> [ level -> 72392 | name -> [ \"my key\" -> 163.7074 ] | street -> \"aZ\" ]"}));
}

std::string example(const char* name) {
  const auto folder = std::filesystem::path(TRELLIS_SOURCE_DIR) / "examples";
  std::ifstream file(folder / name, std::ios::binary);
  EXPECT_TRUE(file) << folder / name;
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Examples, GeneratedTxtIsWhatTheDefaultsMakeOfTheKeyFile) {
  GenerateOptions given;
  given.keys = *read_key_file(example("keyFile.txt"), "keyFile.txt");
  std::string text;
  generate(given, [&](std::string_view lines) { return text.append(lines), true; });
  EXPECT_EQ(text, example("generated.txt"));
}

TEST(Examples, ThePersonsAreThoseOfTheContract) {
  std::istringstream lines(example("persons.txt"));
  std::vector<std::string> keys;
  for (std::string line; std::getline(lines, line);) {
    const auto records = parse_records(line);
    ASSERT_TRUE(records) << line;
    for (const Record& record : *records) {
      keys.push_back(record.key);
      EXPECT_EQ(print_record(record.key, record.document), line);
    }
  }
  EXPECT_EQ(keys, (std::vector<std::string>{"person1", "person2", "person3", "person4"}));
}

TEST(Generate, JsonIsWhatGetPrintsAsJson) {
  GenerateOptions given = options();
  given.format = GenerateOptions::Format::kJson;
  given.records = 200;
  const auto lines = lines_of(given);
  given.format = GenerateOptions::Format::kArrow;
  const auto arrows = lines_of(given);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto records = parse_records(lines[i]);
    ASSERT_TRUE(records) << lines[i];
    EXPECT_EQ("{\"" + (*records)[0].key + "\": " + to_json((*records)[0].document) + "}", lines[i]);
    EXPECT_EQ(print_record((*records)[0].key, (*records)[0].document), arrows[i]);
  }
}

TEST(Generate, EdgesOfItsOptions) {
  GenerateOptions given = options();
  given.records = 0;
  EXPECT_TRUE(lines_of(given).empty());
  given.records = 2;
  given.keys_max = 0;
  EXPECT_EQ(lines_of(given), (std::vector<std::string>{"key1 -> []", "key2 -> []"}));
  given.keys_max = 1000;  // More than there are names.
  given.depth_max = 127;
  given.records = 2000;
  for (const std::string& line : lines_of(given)) ASSERT_TRUE(parse_records(line)) << line;
  given.depth_max = 128;
  EXPECT_EQ(check(given).error().message, "-d goes from 0 to 127");
  given.depth_max = 0;
  given.string_length_max = 0;
  EXPECT_EQ(check(given).error().message, "-l goes from 1 to 1048576");
}

TEST(Generate, StopsWhereNobodyReads) {
  GenerateOptions given = options();
  given.records = 1'000'000;
  int calls = 0;
  EXPECT_FALSE(generate(given, [&](std::string_view) { return ++calls < 2; }));
  EXPECT_EQ(calls, 2);
}

TEST(KeyFile, IsANameAndATypeALine) {
  const auto keys =
      read_key_file("# keys\nname string\n\n  age\tint  # years\r\n\"my key\" float\nόνομα string", "k.txt");
  ASSERT_TRUE(keys) << keys.error().message;
  ASSERT_EQ(keys->size(), 4u);
  EXPECT_EQ((*keys)[0].name, "name");
  EXPECT_EQ((*keys)[1].type, GeneratedKey::Type::kInt);
  EXPECT_EQ((*keys)[2].name, "my key");
  EXPECT_EQ((*keys)[2].type, GeneratedKey::Type::kFloat);
  EXPECT_EQ((*keys)[3].name, "όνομα");
}

TEST(KeyFile, WrongLinesAreRefusedWithFileAndLine) {
  const auto error = [](std::string_view text) { return read_key_file(text, "k.txt").error().message; };
  EXPECT_EQ(error("name string\nage"), "k.txt:2: the type is missing; a line is `name type`, such as `age int`");
  EXPECT_EQ(error("name string int"),
            "k.txt:1: there is more than a name and a type; a line is `name type`, such as `age int`");
  EXPECT_EQ(error("\n\nname text"), "k.txt:3: \"text\" is no type; string, int and float are");
  EXPECT_EQ(error("name string\nname int"), "k.txt:2: the key name stands in line 1 already");
  EXPECT_EQ(error("\"name string"),
            "k.txt:1: column 1: the quote is never closed; write \" as \\\" where it is part of the text");
  EXPECT_EQ(error("\xff string"), "k.txt:1: the name of a key is UTF-8 text");
  EXPECT_EQ(error("# nothing\n"), "k.txt: no key is listed; a line is `name type`, such as `age int`");
}

}  // namespace
}  // namespace trellis
