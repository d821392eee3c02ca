// The hash of a value: whatever way it is packed, and no other value's.
#include "protocol/value_hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

std::uint64_t hash_of(const std::string& packed) { return hash_of_value(packed, 7); }

/// Big-endian, in so many bytes.
std::string number(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = bytes; i > 0; --i) out.push_back(static_cast<char>(value >> (8 * (i - 1))));
  return out;
}

/// A value that can be packed in many ways.
struct Value {
  enum class Kind { kNil, kBool, kInt, kFloat32, kFloat64, kStr, kBin, kArray, kMap } kind = Kind::kNil;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string bytes = {};
  std::vector<Value> elements = {};           ///< kArray.
  std::map<std::string, Value> members = {};  ///< kMap.
  bool operator==(const Value&) const = default;
};

class Packer {
 public:
  explicit Packer(std::uint64_t seed) : random_(seed) {}

  Value value(int depth) {
    Value out;
    const auto kinds = depth > 0 ? 9 : 7;
    out.kind = static_cast<Value::Kind>(below(kinds));
    out.boolean = below(2) == 0;
    out.integer = static_cast<std::int64_t>(random_()) >> below(64);
    out.real = static_cast<float>(out.integer);
    out.bytes = std::string(below(2) == 0 ? below(40) : below(300), static_cast<char>('a' + below(20)));
    for (std::uint64_t i = below(20); out.kind == Value::Kind::kArray && i > 0; --i) {
      out.elements.push_back(value(depth - 1));
    }
    for (std::uint64_t i = below(20); out.kind == Value::Kind::kMap && i > 0; --i) {
      out.members["k" + std::to_string(below(1000))] = value(depth - 1);
    }
    // What does not count is the same for all.
    if (out.kind != Value::Kind::kBool) out.boolean = false;
    if (out.kind != Value::Kind::kInt) out.integer = 0;
    if (out.kind != Value::Kind::kFloat32 && out.kind != Value::Kind::kFloat64) out.real = 0;
    if (out.kind != Value::Kind::kStr && out.kind != Value::Kind::kBin) out.bytes.clear();
    return out;
  }

  /// In a way of its own each time.
  std::string pack(const Value& value) {
    std::string out;
    PackedWriter writer(out);
    switch (value.kind) {
      case Value::Kind::kNil: writer.nil(); break;
      case Value::Kind::kBool: writer.boolean(value.boolean); break;
      case Value::Kind::kInt: return pack_integer(value.integer);
      case Value::Kind::kFloat32: writer.float32(static_cast<float>(value.real)); break;
      case Value::Kind::kFloat64: writer.float64(value.real); break;
      case Value::Kind::kStr: return sized(value.bytes.size(), {0xd9, 1}, {0xda, 2}, {0xdb, 4}, 0xa0, 31) + value.bytes;
      case Value::Kind::kBin: return sized(value.bytes.size(), {0xc4, 1}, {0xc5, 2}, {0xc6, 4}, 0, -1) + value.bytes;
      case Value::Kind::kArray:
        out = sized(value.elements.size(), {0xdc, 2}, {0xdc, 2}, {0xdd, 4}, 0x90, 15);
        for (const Value& element : value.elements) out += pack(element);
        break;
      case Value::Kind::kMap: {
        out = sized(value.members.size(), {0xde, 2}, {0xde, 2}, {0xdf, 4}, 0x80, 15);
        std::vector<const std::pair<const std::string, Value>*> pairs;
        for (const auto& pair : value.members) pairs.push_back(&pair);
        std::shuffle(pairs.begin(), pairs.end(), random_);
        for (const auto* pair : pairs)
          out += pack({.kind = Value::Kind::kStr, .bytes = pair->first}) + pack(pair->second);
        break;
      }
    }
    return out;
  }

 private:
  struct Head {
    int code;
    std::size_t bytes;
  };
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  /// Any head that has room for it.
  std::string sized(std::size_t size, Head one, Head two, Head four, int fixed, int fixed_max) {
    std::vector<std::string> heads = {std::string(1, static_cast<char>(four.code)) + number(size, four.bytes)};
    if (size <= 0xffff) heads.push_back(std::string(1, static_cast<char>(two.code)) + number(size, two.bytes));
    if (size <= 0xff) heads.push_back(std::string(1, static_cast<char>(one.code)) + number(size, one.bytes));
    if (static_cast<int>(size) <= fixed_max) heads.push_back(std::string(1, static_cast<char>(fixed | size)));
    return heads[below(heads.size())];
  }
  std::string pack_integer(std::int64_t value) {
    std::vector<std::string> ways;
    const auto unsigned_value = static_cast<std::uint64_t>(value);
    for (int power = 0; power <= 3; ++power) {
      const std::size_t bytes = std::size_t{1} << power;
      const int bits = static_cast<int>(8 * bytes);
      const bool fits_signed = bits == 64 || (value >= -(1ll << (bits - 1)) && value < (1ll << (bits - 1)));
      const bool fits_unsigned = value >= 0 && (bits == 64 || value < (1ll << bits));
      if (fits_signed) ways.push_back(std::string(1, static_cast<char>(0xd0 + power)) + number(unsigned_value, bytes));
      if (fits_unsigned)
        ways.push_back(std::string(1, static_cast<char>(0xcc + power)) + number(unsigned_value, bytes));
    }
    if (value >= -32 && value <= 127) ways.push_back(std::string(1, static_cast<char>(value)));
    return ways[below(ways.size())];
  }

  std::mt19937_64 random_;
};

TEST(ValueHash, IsTheSameForEveryPackingAndAnotherForEveryOtherValue) {
  std::map<std::uint64_t, Value> seen;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Packer packer(seed);
    const Value value = packer.value(4);
    const std::string first = packer.pack(value);
    const std::uint64_t hash = hash_of(first);
    for (int i = 0; i < 20; ++i) ASSERT_EQ(hash_of(packer.pack(value)), hash) << "seed " << seed;
    const auto [at, is_new] = seen.emplace(hash, value);
    ASSERT_TRUE(is_new || at->second == value) << "seed " << seed;
  }
}

TEST(ValueHash, KeepsTypesApart) {
  const std::vector<std::string> values = {"\x01",
                                           std::string("\xca\x3f\x80\x00\x00", 5),
                                           std::string("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", 9),
                                           "\xa1"
                                           "1",
                                           "\xc4\x01"
                                           "1",
                                           "\x91\x01",
                                           "\xc3",
                                           "\xc2",
                                           "\xc0",
                                           "\x90",
                                           "\x80",
                                           "\xa0",
                                           "\x81\xa1"
                                           "1\x01",
                                           "\x91\x81\xa1"
                                           "1\x01",
                                           "\x92\xa1"
                                           "1\x01",
                                           "\x81\xa1"
                                           "1\x91\x01"};
  for (const std::string& one : values) {
    for (const std::string& other : values) {
      if (&one == &other) continue;
      EXPECT_NE(hash_of(one), hash_of(other));
    }
  }
}

TEST(ValueHash, ValuesDoNotChangePlaces) {
  EXPECT_NE(hash_of("\x92\x01\x02"), hash_of("\x92\x02\x01")) << "an array has an order";
  EXPECT_NE(hash_of("\x82\xa1"
                    "a\x01\xa1"
                    "b\x02"),
            hash_of("\x82\xa1"
                    "a\x02\xa1"
                    "b\x01"));
  EXPECT_NE(hash_of("\x82\xa1"
                    "a\x81\xa1"
                    "x\x01\xa1"
                    "b\x80"),
            hash_of("\x82\xa1"
                    "a\x80\xa1"
                    "b\x81\xa1"
                    "x\x01"));
}

TEST(ValueHash, DependsOnTheSeed) {
  EXPECT_NE(hash_of_value("\x81\xa1"
                          "a\x01",
                          1),
            hash_of_value("\x81\xa1"
                          "a\x01",
                          2));
  EXPECT_NE(hash_of_value("\x01", 1), hash_of_value("\x01", 2));
}

TEST(ValueHash, ReachesTheDepthOfDocuments) {
  const auto nested = [](const std::string& inner) {
    std::string packed;
    for (int i = 0; i < kNestingMax; ++i)
      packed +=
          "\x81\xa1"
          "a";
    return packed + inner;
  };
  EXPECT_EQ(hash_of(nested("\x01")), hash_of(nested("\xcc\x01")));
  EXPECT_NE(hash_of(nested("\x01")), hash_of(nested("\x02")));
}

TEST(ValueHash, WhatIsNoValueIsHashedAsItIs) {
  for (const std::string& broken : {std::string(), std::string("\xc1"), std::string("\x01\x01"),
                                    std::string("\xa5"
                                                "abc"),
                                    std::string("\xdf\xff\xff\xff\xff"), std::string("\x92\x01"),
                                    std::string("\xcd\x01"), std::string("\xcb\x01"), std::string("\xd9"),
                                    std::string("\xc7\x01\x01"
                                                "x"),
                                    std::string(10'000, '\x81')}) {
    EXPECT_NE(hash_of(broken), hash_of(broken + "x"));
    EXPECT_EQ(hash_of(broken), hash_of(broken));
  }
}

}  // namespace
}  // namespace trellis
