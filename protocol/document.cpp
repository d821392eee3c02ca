#include "protocol/document.hpp"

#include <algorithm>
#include <string>

#include "protocol/limits.hpp"
#include "protocol/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// The keys of one map.  They are compared by sorting once the map ends: a hash table's time could be forged.
class KeySet {
 public:
  void add(std::string_view key) { keys_.push_back(key); }

  /// The key that stands twice, in its second place; nothing where all differ.
  std::optional<std::string_view> find_double() {
    std::sort(keys_.begin(), keys_.end(), [](std::string_view a, std::string_view b) {
      const int order = a.compare(b);
      return order != 0 ? order < 0 : a.data() < b.data();
    });
    const auto first = std::adjacent_find(keys_.begin(), keys_.end());
    if (first == keys_.end()) return std::nullopt;
    return *(first + 1);
  }

 private:
  std::vector<std::string_view> keys_;
};

/// An array or map that is open while its content is checked.
struct Level {
  bool is_map = false;
  std::uint32_t left = 0;  ///< Elements or pairs still to come.
  KeySet keys;
};

Error at_byte(std::size_t position, const std::string& what) {
  return invalid_argument("document: " + what + " at byte " + std::to_string(position));
}

}  // namespace

Result<void> check_document(std::string_view bytes) {
  if (bytes.size() > kDocumentSizeMax) {
    return invalid_argument("document: " + std::to_string(bytes.size()) + " bytes, at most " +
                            std::to_string(kDocumentSizeMax) + " are allowed");
  }
  PackedReader reader(bytes);
  std::vector<Level> open;
  do {
    if (!open.empty() && open.back().is_map) {
      const std::size_t start = reader.position();
      const auto key = reader.read_str();
      if (!key) return at_byte(start, "a map key that is no str");
      if (!is_utf8(*key)) return at_byte(start, "a map key that is no UTF-8");
      open.back().keys.add(*key);
    }
    if (!open.empty()) --open.back().left;
    const std::size_t start = reader.position();
    const auto token = reader.next();
    if (!token) return at_byte(start, "no whole MessagePack value");
    switch (token->type) {
      case PackedType::kStr:
        if (!is_utf8(token->bytes)) return at_byte(start, "a str that is no UTF-8 (pack bytes as bin)");
        break;
      case PackedType::kExt: return at_byte(start, "an ext value, which cannot be stored");
      case PackedType::kArray:
      case PackedType::kMap:
        if (open.size() == static_cast<std::size_t>(kNestingMax)) {
          return at_byte(start, "nested deeper than " + std::to_string(kNestingMax));
        }
        open.push_back({token->type == PackedType::kMap, token->count, {}});
        break;
      default: break;
    }
    for (; !open.empty() && open.back().left == 0; open.pop_back()) {
      if (const auto key = open.back().keys.find_double()) {
        return at_byte(static_cast<std::size_t>(key->data() - bytes.data()),
                       "the key " + quoted_excerpt(*key) + " twice in one map");
      }
    }
  } while (!open.empty());
  if (!reader.at_end()) return at_byte(reader.position(), "bytes after the value");
  return {};
}

namespace {

/// The value of `key` in the map of `pairs` whose head was just read.
std::optional<std::string_view> find_in_map(PackedReader& reader, std::uint32_t pairs, std::string_view key) {
  for (; pairs > 0; --pairs) {
    const auto name = reader.read_str();
    const auto value = reader.read_value();
    if (!name || !value) return std::nullopt;
    if (*name == key) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> find_in_array(PackedReader& reader, std::uint32_t count, std::uint64_t position) {
  if (position >= count) return std::nullopt;
  for (; position > 0; --position) {
    if (!reader.read_value()) return std::nullopt;
  }
  return reader.read_value();
}

std::optional<std::string_view> step(std::string_view value, const PathSegment& segment) {
  PackedReader reader(value);
  const auto head = reader.next();
  if (!head) return std::nullopt;
  if (const auto* position = std::get_if<std::uint64_t>(&segment)) {
    if (head->type == PackedType::kArray) return find_in_array(reader, head->count, *position);
    if (head->type == PackedType::kMap) return find_in_map(reader, head->count, std::to_string(*position));
    return std::nullopt;
  }
  if (head->type != PackedType::kMap) return std::nullopt;
  return find_in_map(reader, head->count, std::get<std::string_view>(segment));
}

}  // namespace

std::optional<std::string_view> walk(std::string_view document, const Path& path) {
  std::string_view value = document;
  for (const PathSegment& segment : path) {
    const auto inner = step(value, segment);
    if (!inner) return std::nullopt;
    value = *inner;
  }
  return value;
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
