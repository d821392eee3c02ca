#include "worker/trie/leaf.hpp"

#include <cstring>
#include <functional>
#include <limits>
#include <new>

#include "protocol/check.hpp"
#include "worker/trie/node.hpp"

namespace trellis::trie {

Leaf* Leaf::make(Epoch epoch, std::string_view key, Stamp stamp, std::span<const std::string_view> document) {
  std::size_t document_size = 0;
  for (const std::string_view part : document) document_size += part.size();
  constexpr std::size_t kSizeMax = std::numeric_limits<std::uint32_t>::max();
  CHECK(key.size() < kSizeMax / 2 && document_size <= kSizeMax);
  const bool has_deadline = stamp.deadline != 0;
  void* memory = ::operator new(sizeof(Leaf) + key.size() + document_size + (has_deadline ? sizeof stamp.deadline : 0));
  auto* leaf = new (memory) Leaf{.epoch = epoch,
                                 .version = stamp.version,
                                 .key_size = static_cast<std::uint32_t>(key.size()) & ~(1u << 31),
                                 .has_deadline = has_deadline ? 1u : 0u,
                                 .document_size = static_cast<std::uint32_t>(document_size)};
  if (!key.empty()) std::memcpy(leaf->bytes(), key.data(), key.size());
  char* at = leaf->bytes() + key.size();
  for (const std::string_view part : document) {
    if (!part.empty()) std::memcpy(at, part.data(), part.size());
    at += part.size();
  }
  leaf->set_deadline(stamp.deadline);
  return leaf;
}

void Leaf::overwrite(Stamp stamp, std::string_view new_document) {
  CHECK(new_document.size() == document_size && takes(stamp.deadline));
  version = stamp.version;
  set_deadline(stamp.deadline);
  if (document_size > 0) std::memmove(bytes() + key_size, new_document.data(), document_size);
}

bool Leaf::overwrite_parts(Stamp stamp, std::span<const std::string_view> new_document) {
  if (!takes(stamp.deadline)) return false;
  const std::less<const char*> lies_before;
  char* const begin = bytes() + key_size;
  const char* const end = begin + document_size;
  std::size_t at = 0;
  for (const std::string_view part : new_document) {
    const bool is_inside = !lies_before(part.data(), begin) && lies_before(part.data(), end);
    const bool stays = is_inside && part.data() == begin + at;
    at += part.size();
    if ((is_inside && !stays) || at > document_size) return false;
  }
  if (at != document_size) return false;
  char* to = begin;
  for (const std::string_view part : new_document) {
    if (!part.empty() && part.data() != to) std::memcpy(to, part.data(), part.size());
    to += part.size();
  }
  version = stamp.version;
  set_deadline(stamp.deadline);
  return true;
}

void Leaf::destroy(Leaf* leaf) { ::operator delete(leaf); }

Epoch Ref::epoch() const { return is_leaf() ? leaf()->epoch : node()->epoch; }

std::uint64_t Ref::keys() const { return is_leaf() ? 1 : node()->keys; }

}  // namespace trellis::trie
