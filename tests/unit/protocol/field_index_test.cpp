#include "protocol/field_index.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>

#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/protocol/random_document.hpp"

namespace trellis {
namespace {

constexpr std::uint64_t kSecret = 20;

std::string map_of(std::uint64_t fields) {
  std::string out;
  PackedWriter writer(out);
  writer.map(fields);
  for (std::uint64_t i = 0; i < fields; ++i) writer.str("field" + std::to_string(i)).natural(i * i);
  return out;
}

std::string array_of(std::uint64_t elements) {
  std::string out;
  PackedWriter writer(out);
  writer.array(elements);
  for (std::uint64_t i = 0; i < elements; ++i) writer.natural(i * i);
  return out;
}

std::string natural(std::uint64_t value) {
  std::string out;
  PackedWriter(out).natural(value);
  return out;
}

/// Every path into the value at `path`, containers and scalars, and some that lead nowhere.
void expect_agreement(const FieldIndex& index, std::string_view document, Path path) {
  const auto value = walk(document, path);
  ASSERT_EQ(index.walk(document, path), value);
  for (const PathSegment& nowhere : {PathSegment("nowhere"), PathSegment(std::uint64_t{1'000'000})}) {
    path.push_back(nowhere);
    ASSERT_EQ(index.walk(document, path), walk(document, path));
    path.pop_back();
  }
  PackedReader reader(*value);
  const auto head = reader.next();
  if (head->type != PackedType::kArray && head->type != PackedType::kMap) return;
  for (std::uint64_t i = 0; i < head->count; ++i) {
    path.push_back(i);
    if (head->type == PackedType::kMap) path.back() = *reader.read_str();
    ASSERT_TRUE(reader.read_value());
    expect_agreement(index, document, path);
    path.pop_back();
  }
}

TEST(FieldIndex, FindsEveryFieldOfALargeMap) {
  const std::string document = map_of(40'000);
  const auto index = FieldIndex::build(document, kSecret);
  ASSERT_TRUE(index);
  for (std::uint64_t i = 0; i < 40'000; ++i) {
    const std::string name = "field" + std::to_string(i);
    ASSERT_EQ(index->walk(document, {name}), natural(i * i));
  }
  EXPECT_EQ(index->walk(document, {"field40000"}), std::nullopt);
  EXPECT_EQ(index->walk(document, {}), document);
}

TEST(FieldIndex, FindsEveryElementOfALargeArray) {
  const std::string document = array_of(40'000);
  const auto index = FieldIndex::build(document, kSecret);
  ASSERT_TRUE(index);
  for (std::uint64_t i = 0; i < 40'000; ++i) ASSERT_EQ(index->walk(document, {i}), natural(i * i));
  EXPECT_EQ(index->walk(document, {std::uint64_t{40'000}}), std::nullopt);
  EXPECT_EQ(index->walk(document, {"1"}), std::nullopt);
}

TEST(FieldIndex, TakesAPositionOnAMapForTheKeyWithThoseDigits) {
  std::string document;
  PackedWriter writer(document);
  writer.map(1000);
  for (std::uint64_t i = 0; i < 1000; ++i) writer.str(std::to_string(i)).natural(i);
  const auto index = FieldIndex::build(document, kSecret);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->walk(document, {std::uint64_t{777}}), natural(777));
}

TEST(FieldIndex, AgreesWithAWalkOnRandomDocuments) {
  testing::RandomDocuments random(7);
  for (int round = 0; round < 30; ++round) {
    // Large containers of random ones, small ones between them, and large ones inside.
    std::string document;
    PackedWriter writer(document);
    writer.array(120);
    for (int i = 0; i < 60; ++i) writer.packed(random.next());
    writer.map(30);
    for (int i = 0; i < 30; ++i) writer.str("key" + std::to_string(i)).packed(random.next());
    writer.packed(map_of(random.below(300))).packed(array_of(random.below(900)));
    for (int i = 63; i < 120; ++i) writer.packed(random.next());
    const auto index = FieldIndex::build(document, random.below(1000));
    ASSERT_TRUE(index);
    expect_agreement(*index, document, {});
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST(FieldIndex, FollowsTheDeepestPathThroughLargeContainers) {
  std::string document = map_of(200);
  for (int level = 1; level < kNestingMax; ++level) {
    std::string around;
    PackedWriter(around).map(2).str("before").packed(array_of(100)).str("in").packed(document);
    document = around;
  }
  const auto index = FieldIndex::build(document, kSecret);
  ASSERT_TRUE(index);
  Path path(kNestingMax - 1, "in");
  path.push_back("field199");
  EXPECT_EQ(index->walk(document, path), natural(199 * 199));
}

TEST(FieldIndex, IsNotBuiltOfWhatIsNoDocument) {
  const std::string document = map_of(1000);
  EXPECT_FALSE(FieldIndex::build("", kSecret));
  EXPECT_FALSE(FieldIndex::build(document.substr(0, document.size() - 1), kSecret));
  EXPECT_FALSE(FieldIndex::build(document + '\x01', kSecret));
  EXPECT_FALSE(FieldIndex::build(std::string(kDocumentSizeMax + 1, '\x01'), kSecret));
}

TEST(FieldIndex, TakesLessThanTwiceItsDocument) {
  for (const std::string& document : {map_of(40'000), array_of(40'000)}) {
    EXPECT_LT(FieldIndex::build(document, kSecret)->size(), 2 * document.size());
  }
  // The most fields that a document can have: every key as short as can be.
  std::string out;
  PackedWriter writer(out);
  constexpr std::uint64_t kFields = 3'000'000;
  writer.map(kFields);
  for (std::uint64_t i = 0; i < kFields; ++i) {
    writer.str({reinterpret_cast<const char*>(&i), i < 128 ? 1u : i < 16384 ? 2u : 3u}).natural(0);
  }
  EXPECT_LT(FieldIndex::build(out, kSecret)->size(), 2 * out.size());
}

/// Processor time, which other processes of the machine do not take part in.
TEST(FieldIndex, FindsAFieldOfHalfAMillionInMicroseconds) {
  const std::string document = map_of(500'000);
  const auto index = FieldIndex::build(document, kSecret);
  ASSERT_TRUE(index);
  const std::clock_t begun = std::clock();
  constexpr std::uint64_t kQueries = 200'000;
  for (std::uint64_t i = 0; i < kQueries; ++i) {
    const std::string name = "field" + std::to_string(i * 7919 % 500'000);
    ASSERT_TRUE(index->walk(document, {name}));
  }
  const double micros = 1e6 * static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC / kQueries;
  EXPECT_LT(micros, 5.0);
}

}  // namespace
}  // namespace trellis
