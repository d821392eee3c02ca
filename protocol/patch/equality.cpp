#include "protocol/patch/equality.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/packed.hpp"
#include "protocol/patch/number.hpp"

namespace trellis {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

std::vector<Pair> sorted_pairs(PackedReader& reader, std::uint32_t count) {
  std::vector<Pair> pairs;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto key = reader.read_str();
    const auto value = key ? reader.read_value() : std::nullopt;
    if (!value) break;
    pairs.emplace_back(*key, *value);
  }
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.first < b.first; });
  return pairs;
}

/// What is left of a map in `a` and in `b`, `count` pairs each.
bool are_equal_in_any_order(PackedReader& a, PackedReader& b, std::uint32_t count, WalkLimit& walk) {
  const std::size_t begin_a = a.position();
  const std::size_t begin_b = b.position();
  const auto pairs_a = sorted_pairs(a, count);
  const auto pairs_b = sorted_pairs(b, count);
  // The values are walked once more as they are compared.
  if (!walk.spend(a.position() - begin_a + b.position() - begin_b)) return false;
  if (pairs_a.size() != count || pairs_b.size() != count) return false;
  return std::equal(pairs_a.begin(), pairs_a.end(), pairs_b.begin(), [&walk](const Pair& one, const Pair& other) {
    return one.first == other.first && are_equal(one.second, other.second, walk);
  });
}

bool are_equal_here(PackedReader& a, PackedReader& b, WalkLimit& walk);

/// As long as both name the same key next, no order has to be made.
bool are_equal_maps(PackedReader& a, PackedReader& b, std::uint32_t count, WalkLimit& walk) {
  for (std::uint32_t i = 0; i < count; ++i) {
    PackedReader ahead_a = a;
    PackedReader ahead_b = b;
    const auto key = ahead_a.read_str();
    if (!key) return false;
    if (key != ahead_b.read_str()) return are_equal_in_any_order(a, b, count - i, walk);
    a = ahead_a;
    b = ahead_b;
    if (!are_equal_here(a, b, walk)) return false;
  }
  return true;
}

bool are_equal_lists(PackedReader& a, PackedReader& b, std::uint32_t count, WalkLimit& walk) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!are_equal_here(a, b, walk)) return false;
  }
  return true;
}

/// Compares the next value of both and moves on behind it.  As deep as documents are nested.
bool are_equal_here(PackedReader& a, PackedReader& b, WalkLimit& walk) {
  const auto one = a.next();
  const auto other = b.next();
  if (!one || !other) return false;
  if (is_number(*one) && is_number(*other)) return are_equal_numbers(*one, *other);
  if (one->type != other->type) return false;
  switch (one->type) {
    case PackedType::kNil: return true;
    case PackedType::kBool: return one->boolean == other->boolean;
    case PackedType::kStr:
    case PackedType::kBin: return one->bytes == other->bytes;
    case PackedType::kArray: return one->count == other->count && are_equal_lists(a, b, one->count, walk);
    case PackedType::kMap: return one->count == other->count && are_equal_maps(a, b, one->count, walk);
    default: return false;
  }
}

}  // namespace

bool are_equal(std::string_view a, std::string_view b, WalkLimit& walk) {
  PackedReader one(a);
  PackedReader other(b);
  return are_equal_here(one, other, walk);
}

}  // namespace trellis
