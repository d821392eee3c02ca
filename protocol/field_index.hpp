// FieldIndex: where the children of a document's large containers lie, so that a path into it is followed without
// walking over whatever stands before.
//
//   document   {"a": 1, "list": [ ... 2 MB ... ], "b": 2, ... }
//   containers   begin, end of each large array and map, in the order of their beginnings
//   places       of a map: a hash table of the places of its keys   (open addressing, 4 bytes a slot, 3/4 full at most)
//   samples      of an array: every so many bytes the position and the place of the child that begins there
//
// Large is what has kContainerSizeMin bytes, or one part in kContainersMax of the document where that is more. Whatever
// is smaller is walked over, and so is what stands between two samples: a step costs a lookup and at most so many
// bytes. As containers lie inside one another, there are at most kNestingMax times kContainersMax entries.
//
// The hash is keyed with a secret: whoever writes documents cannot make keys that meet in the table.
// An index belongs to the bytes that it was built from and points into nothing: keep the two together.
// Threading: immutable once built.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/document.hpp"

namespace trellis {

class FieldIndex {
 public:
  static constexpr std::size_t kContainerSizeMin = 1024;  ///< Bytes.
  static constexpr std::size_t kContainersMax = 8192;

  /// Reads the document once.  Nothing where it is no single packed value, or larger than kDocumentSizeMax.
  /// @param secret  keys the hash of map keys
  static std::optional<FieldIndex> build(std::string_view document, std::uint64_t secret);

  /// The same as trellis::walk(document, path), of the document that the index was built from.
  std::optional<std::string_view> walk(std::string_view document, const Path& path) const;

  /// Bytes that the index takes.
  std::size_t size() const;

 private:
  class Builder;
  /// All numbers are offsets into the document, but for `first` and `count`, which name a part of places_ (of a map) or
  /// of samples_ (of an array).
  struct Container {
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t first;
    std::uint32_t count;
  };
  struct Sample {
    std::uint32_t position;  ///< In the array.
    std::uint32_t place;     ///< In the document.
  };
  static constexpr std::uint32_t kFree = 0;  ///< A free slot: no key stands at the beginning of a document.

  explicit FieldIndex(std::uint64_t secret) : secret_(secret) {}
  const Container* find(std::size_t begin) const;
  std::optional<std::size_t> find_child(std::string_view document, const Container& of,
                                        const PathSegment& segment) const;
  std::optional<std::size_t> find_in_map(std::string_view document, const Container& map, std::string_view key) const;
  std::optional<std::size_t> find_in_array(std::string_view document, const Container& array, std::uint32_t elements,
                                           std::uint64_t position) const;
  std::size_t home_of(std::string_view key, std::size_t slots) const;

  std::uint64_t secret_;
  std::vector<Container> containers_;
  std::vector<std::uint32_t> places_;
  std::vector<Sample> samples_;
};

}  // namespace trellis
