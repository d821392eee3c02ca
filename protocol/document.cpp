#include "protocol/document.hpp"

#include <xxhash.h>

#include <algorithm>
#include <memory_resource>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "protocol/find_child.hpp"
#include "protocol/limits.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"
#include "protocol/stack_room.hpp"

namespace trellis {
namespace {

/// The keys of one map.  They are compared by sorting once the map ends: a hash table's time could be forged.  Large
/// maps are sorted by their keys' hashes, which takes a fifth of the time; where hashes are equal, by the keys after
/// all.
class KeySet {
 public:
  explicit KeySet(std::span<std::string_view> keys) : keys_(keys) {}

  /// The key that stands twice, in its second place; nothing where all differ.  Puts them into another order.
  std::optional<std::string_view> find_double() {
    if (keys_.size() < 2) return std::nullopt;
    return keys_.size() < kHashedMin ? find_double(keys_) : find_double_by_hash();
  }

 private:
  static constexpr std::size_t kHashedMin = 1024;
  static constexpr int kDealBits = 10;
  /// In a hash's lower bits stands which of the keys it is of.
  static constexpr std::uint64_t kNumberMask = (1 << 24) - 1;
  static_assert(kDocumentSizeMax <= kNumberMask + 1, "a document has fewer keys than bytes");

  static std::optional<std::string_view> find_double(std::span<std::string_view> keys) {
    std::sort(keys.begin(), keys.end(), [](std::string_view a, std::string_view b) {
      const int order = a.compare(b);
      return order != 0 ? order < 0 : a.data() < b.data();
    });
    const auto first = std::adjacent_find(keys.begin(), keys.end());
    if (first == keys.end()) return std::nullopt;
    return *(first + 1);
  }

  std::optional<std::string_view> find_double_by_hash() const {
    const std::vector<std::uint64_t> hashes = sorted_hashes();
    std::vector<std::string_view> alike;
    for (std::size_t i = 0; i < hashes.size();) {
      const std::uint64_t hash = hashes[i] & ~kNumberMask;
      alike.clear();
      for (; i < hashes.size() && (hashes[i] & ~kNumberMask) == hash; ++i)
        alike.push_back(keys_[hashes[i] & kNumberMask]);
      if (alike.size() == 1) continue;
      if (const auto twice = find_double(alike)) return twice;
    }
    return std::nullopt;
  }

  /// The hash of each key, with the key's number in it. The hashes are dealt out by their upper bits first: what lies
  /// in a cache is sorted several times as fast.
  std::vector<std::uint64_t> sorted_hashes() const {
    const auto deal_of = [](std::uint64_t hash) { return hash >> (64 - kDealBits); };
    std::vector<std::uint64_t> hashes(keys_.size());
    std::vector<std::size_t> ends(std::size_t{1} << kDealBits);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      hashes[i] = (XXH3_64bits(keys_[i].data(), keys_[i].size()) & ~kNumberMask) | i;
      ++ends[deal_of(hashes[i])];
    }
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    std::vector<std::uint64_t> dealt(hashes.size());
    std::vector<std::size_t> begins = ends;
    for (const std::uint64_t hash : hashes) dealt[--begins[deal_of(hash)]] = hash;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      std::sort(dealt.begin() + static_cast<std::ptrdiff_t>(begins[i]),
                dealt.begin() + static_cast<std::ptrdiff_t>(ends[i]));
    }
    return dealt;
  }

  std::span<std::string_view> keys_;
};

/// What check_document() has room for without an allocation.
constexpr std::size_t kLevelsOnStack = 8;
constexpr std::size_t kKeysOnStack = 32;
constexpr std::size_t kRoomOnStack = 896;

/// An array or map that is open while its content is checked.
struct Level {
  bool is_map = false;
  std::uint32_t size = 0;
  std::uint32_t left = 0;      ///< Elements or pairs still to come.
  std::size_t keys_begin = 0;  ///< Where its keys begin among those of all that are open.
  std::string_view key{};      ///< The key of the pair that is being read.
};
using Levels = std::pmr::vector<Level>;

Error at_byte(std::size_t position, const std::string& what) {
  return invalid_argument("document: " + what + " at byte " + std::to_string(position));
}

/// Where in the document the value stands that is being read, as people write a path: .address.tags.0; empty: at its
/// top.
std::string place_of(const Levels& open) {
  constexpr std::size_t kShownMax = 512;
  std::string place;
  for (const Level& level : open) {
    if (place.size() > kShownMax) return place + " ...";
    place += '.';
    if (level.is_map) {
      place += is_key_text(level.key) ? std::string(level.key.substr(0, 64)) : quoted_excerpt(level.key);
    } else {
      place += std::to_string(level.size - level.left - 1);
    }
  }
  return place;
}

Error at_place(const std::string& place, const std::string& what) {
  return invalid_argument(place.empty() ? "document: " + what : "document, at " + place + ": " + what);
}

/// The type of the ext value whose packing begins `packed`.
int ext_type_of(std::string_view packed) {
  const auto head = static_cast<std::uint8_t>(packed.front());
  const std::size_t at = head == 0xc7 ? 2 : head == 0xc8 ? 3 : head == 0xc9 ? 5 : 1;
  return static_cast<std::int8_t>(packed[at]);
}

Error refused_ext(const std::string& place, std::string_view packed) {
  const int type = ext_type_of(packed);
  const std::string kind = type == -1 ? " (a timestamp)" : "";
  const std::string advice = type == -1 ? "number or str" : "bin, str or what it stands for";
  return at_place(place, "ext type " + std::to_string(type) + kind + " cannot be stored; pack it as " + advice);
}

Error refused_key(const std::string& place, std::string_view packed) {
  PackedReader reader(packed);
  const auto token = reader.peek();
  if (!token) return at_byte(0, "no whole MessagePack value");
  std::string what(describe_type(packed));
  if (token->type == PackedType::kUint) what = "the int " + std::to_string(token->natural);
  if (token->type == PackedType::kInt) what = "the int " + std::to_string(token->integer);
  if (token->type == PackedType::kBin) what = "the bytes " + quoted_excerpt(token->bytes);
  return at_place(place, "a map's key is " + what + "; keys are str");
}

}  // namespace

Result<void> check_document(std::string_view bytes) {
  if (bytes.size() > kDocumentSizeMax) {
    return invalid_argument("document: " + std::to_string(bytes.size()) + " bytes, at most " +
                            std::to_string(kDocumentSizeMax) + " are allowed");
  }
  PackedReader reader(bytes);
  // Most documents are checked without an allocation.
  StackRoom<kRoomOnStack> room;
  Levels open(&room);
  std::pmr::vector<std::string_view> keys(&room);
  open.reserve(kLevelsOnStack);
  keys.reserve(kKeysOnStack);
  do {
    if (!open.empty() && open.back().is_map) {
      const std::size_t start = reader.position();
      const auto key = reader.read_str();
      if (!key && !reader.peek()) return at_byte(start, "no whole MessagePack value");
      if (!key) {
        open.pop_back();
        return refused_key(place_of(open), bytes.substr(start));
      }
      if (!is_utf8(*key)) return at_byte(start, "a map key that is no UTF-8");
      keys.push_back(*key);
      open.back().key = *key;
    }
    if (!open.empty()) --open.back().left;
    const std::size_t start = reader.position();
    const auto token = reader.next();
    if (!token) return at_byte(start, "no whole MessagePack value");
    switch (token->type) {
      case PackedType::kStr:
        if (!is_utf8(token->bytes)) return at_place(place_of(open), "a str that is no UTF-8; pack bytes as bin");
        break;
      case PackedType::kExt: return refused_ext(place_of(open), bytes.substr(start));
      case PackedType::kArray:
      case PackedType::kMap:
        if (open.size() == static_cast<std::size_t>(kNestingMax)) {
          return at_byte(start, "nested deeper than " + std::to_string(kNestingMax));
        }
        open.push_back({token->type == PackedType::kMap, token->count, token->count, keys.size()});
        break;
      default: break;
    }
    for (; !open.empty() && open.back().left == 0; open.pop_back()) {
      const std::size_t begin = open.back().keys_begin;
      if (const auto key = KeySet(std::span(keys).subspan(begin)).find_double()) {
        return at_byte(static_cast<std::size_t>(key->data() - bytes.data()),
                       "the key " + quoted_excerpt(*key) + " twice in one map");
      }
      keys.resize(begin);
    }
  } while (!open.empty());
  if (!reader.at_end()) return at_byte(reader.position(), "bytes after the value");
  return {};
}

namespace {

/// Moves on to the value of `key` in the map of `pairs` whose head was just read.
bool find_in_map(PackedReader& reader, std::uint32_t pairs, std::string_view key) {
  for (; pairs > 0; --pairs) {
    const auto name = reader.read_str();
    if (!name) return false;
    if (*name == key) return true;
    if (!reader.read_value()) return false;
  }
  return false;
}

bool find_in_array(PackedReader& reader, std::uint32_t count, std::uint64_t position) {
  if (position >= count) return false;
  for (; position > 0; --position) {
    if (!reader.read_value()) return false;
  }
  return true;
}

/// Moves on from the front of a container to what `segment` leads to.
bool find_in_container(PackedReader& reader, const PathSegment& segment) {
  const auto head = reader.next();
  if (!head) return false;
  if (const auto* position = std::get_if<std::uint64_t>(&segment)) {
    if (head->type == PackedType::kArray) return find_in_array(reader, head->count, *position);
    return head->type == PackedType::kMap && find_in_map(reader, head->count, std::to_string(*position));
  }
  return head->type == PackedType::kMap && find_in_map(reader, head->count, std::get<std::string_view>(segment));
}

}  // namespace

std::optional<std::size_t> find_child(std::string_view document, std::size_t place, const PathSegment& segment) {
  PackedReader reader(document.substr(place));
  if (!find_in_container(reader, segment)) return std::nullopt;
  return place + reader.position();
}

std::variant<std::string_view, DeadEnd> follow(std::string_view document, const Path& path) {
  std::size_t place = 0;
  const auto value_here = [&] {
    return PackedReader(document.substr(place)).read_value().value_or(std::string_view());
  };
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto child = find_child(document, place, path[i]);
    if (!child) return DeadEnd{i, value_here()};
    place = *child;
  }
  return value_here();
}

std::optional<std::string_view> walk(std::string_view document, const Path& path) {
  const auto end = follow(document, path);
  const auto* const part = std::get_if<std::string_view>(&end);
  return part != nullptr ? std::optional(*part) : std::nullopt;
}

namespace {

std::string shown(const PathSegment& segment) {
  if (const auto* position = std::get_if<std::uint64_t>(&segment)) return "the position " + std::to_string(*position);
  return "the str " + quoted_excerpt(std::get<std::string_view>(segment));
}

/// Why `segment` leads nowhere in `value`.
std::string meets(std::string_view value, const PathSegment& segment) {
  const auto head = PackedReader(value).peek();
  const bool is_position = std::holds_alternative<std::uint64_t>(segment);
  if (head && head->type == PackedType::kMap) return shown(segment) + ", is no key of the map there";
  if (head && head->type == PackedType::kArray) {
    if (!is_position) return shown(segment) + ", meets an array; positions are ints";
    return shown(segment) + ", is beyond the end: the array there has " + std::to_string(head->count) + " elements";
  }
  return shown(segment) + ", meets " + std::string(describe_type(value));
}

}  // namespace

std::string to_text(const DeadEnd& end, const Path& path) {
  return "nothing at this path: step " + std::to_string(end.step + 1) + ", " + meets(end.value, path[end.step]);
}

std::string_view describe_type(std::string_view packed) {
  const auto token = PackedReader(packed).peek();
  if (!token) return "nothing";
  switch (token->type) {
    case PackedType::kNil: return "null";
    case PackedType::kBool: return "a boolean";
    case PackedType::kInt:
    case PackedType::kUint: return "an integer";
    case PackedType::kFloat32:
    case PackedType::kFloat64: return "a float";
    case PackedType::kStr: return "a string";
    case PackedType::kBin: return "bytes";
    case PackedType::kArray: return "a list";
    case PackedType::kMap: return "a map";
    case PackedType::kExt: return "an ext value";
  }
  return "nothing";
}

}  // namespace trellis
