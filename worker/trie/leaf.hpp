// What a trie holds: leaves, with a record each, and the references that lead to leaves and inner nodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "worker/trie/allocation.hpp"

namespace trellis::trie {

/// Counts the frozen views ever taken of one trie; a node carries the one it was made in (epochs.hpp).
using Epoch = std::uint64_t;

/// What stands beside a record's document.
struct Stamp {
  Stamp(std::uint64_t of_version, std::uint64_t of_deadline = 0) : version(of_version), deadline(of_deadline) {}

  std::uint64_t version;
  std::uint64_t deadline;  ///< When it is due to go, in its owner's time; 0: never.
};

/// One record in one allocation: this header, the bytes of the key, the bytes of the document, and where it has one,
/// or had one, its deadline (u64).
struct Leaf {
  Epoch epoch;
  std::uint64_t version;
  std::uint32_t key_size : 31;  ///< Bytes.
  std::uint32_t has_deadline : 1;
  std::uint32_t document_size;  ///< Bytes.

  /// @param document  in parts that follow each other
  static Leaf* make(Epoch epoch, std::string_view key, Stamp stamp, std::span<const std::string_view> document);
  static void destroy(Leaf* leaf);
  /// Puts a document of the same size in the place of the one it has.  It must take the stamp's deadline.
  void overwrite(Stamp stamp, std::string_view new_document);
  /// The same in parts that follow each other, of which those that lie in this document stay where they are.  False,
  /// and nothing is changed: another size, no room for the deadline, or a part that would move.
  bool overwrite_parts(Stamp stamp, std::span<const std::string_view> new_document);

  std::uint64_t deadline() const {
    if (has_deadline == 0) return 0;
    std::uint64_t deadline;
    std::memcpy(&deadline, bytes() + size(), sizeof deadline);
    return deadline;
  }
  /// Whether it has room for this one.
  bool takes(std::uint64_t deadline) const { return has_deadline != 0 || deadline == 0; }
  void set_deadline(std::uint64_t deadline) {
    if (has_deadline != 0) std::memcpy(bytes() + size(), &deadline, sizeof deadline);
  }

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view key() const { return {bytes(), key_size}; }
  std::string_view document() const { return {bytes() + key_size, document_size}; }
  std::size_t size() const { return std::size_t{key_size} + document_size; }
  /// Bytes of memory that it takes.
  std::size_t memory() const {
    return allocated_size(sizeof(Leaf) + size() + (has_deadline != 0 ? sizeof(std::uint64_t) : 0));
  }
};

struct Node;

/// What an edge leads to: a node, a leaf or nothing.  One word; the lowest bit tells leaves.
class Ref {
 public:
  Ref() = default;
  Ref(Node* node) : bits_(reinterpret_cast<std::uintptr_t>(node)) {}
  Ref(Leaf* leaf) : bits_(reinterpret_cast<std::uintptr_t>(leaf) | kLeaf) {}

  explicit operator bool() const { return bits_ != 0; }
  bool is_leaf() const { return (bits_ & kLeaf) != 0; }
  // The bits were pointers.
  Leaf* leaf() const { return reinterpret_cast<Leaf*>(bits_ - kLeaf); }  // NOLINT(performance-no-int-to-ptr)
  Node* node() const { return reinterpret_cast<Node*>(bits_); }          // NOLINT(performance-no-int-to-ptr)
  Epoch epoch() const;
  std::uint64_t keys() const;

 private:
  static constexpr std::uintptr_t kLeaf = 1;
  std::uintptr_t bits_ = 0;
};

}  // namespace trellis::trie
