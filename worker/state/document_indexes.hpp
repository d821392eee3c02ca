// DocumentIndexes: the field indexes of large documents that are queried, made at the first QUERY of each, or of which
// single values are changed time after time.
//
// An index is found by the version of its document, which no other document of the partition ever has: one that was
// replaced, or is looked at in a frozen view, is never mistaken for another.  What is replaced or removed is dropped;
// beyond a bound of bytes the indexes that were not used for longest go first.  They are no part of the replicated
// state: nothing but the time that a QUERY takes depends on them.
// Threading: belongs to one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <string_view>
#include <unordered_map>

#include "protocol/effort.hpp"
#include "protocol/field_index.hpp"

namespace trellis {

class DocumentIndexes {
 public:
  /// Smaller documents are walked over: that takes microseconds.
  static constexpr std::size_t kDocumentSizeMin = 8 << 10;
  /// What the indexes of a partition may take whatever it holds, and how much for each byte of its documents beyond:
  /// an index is at most somewhat larger than its document, so that those in use never drive each other out.
  static constexpr std::size_t kBytesMin = 32 << 20;
  static constexpr std::size_t kBytesForEach = 2;
  /// So many documents that changed last are remembered.
  static constexpr std::size_t kExpectedMax = 64;

  explicit DocumentIndexes(std::uint64_t secret = 0, std::size_t bytes_min = kBytesMin)
      : secret_(secret), bytes_min_(bytes_min) {}

  /// The part of a checked document at `path`, as trellis::walk finds it.  Adds what that took to `effort`.
  /// @param documents_size  bytes of all documents of the partition
  std::optional<std::string_view> walk(std::uint64_t version, std::string_view document, const Path& path,
                                       std::size_t documents_size, Effort& effort);
  /// The document of this version is no longer there.
  void drop(std::uint64_t version);
  /// Single values of it were changed into others of the same size: it has a version more, and all lies where it lay.
  void rename(std::uint64_t before, std::uint64_t now);
  /// A large document has this version now, and was changed in such a way: an index would have spared the walk, and
  /// does so if it happens again.
  void expect(std::uint64_t version);
  /// Whether an index is there, or worth its while.
  bool expects(std::uint64_t version) const;

  bool empty() const { return by_version_.empty(); }
  std::size_t count() const { return by_version_.size(); }
  /// Bytes of all indexes.
  std::size_t bytes() const { return bytes_; }

 private:
  struct Kept {
    std::uint64_t version;
    FieldIndex index;
  };
  const FieldIndex& keep(std::uint64_t version, FieldIndex index, std::size_t bytes_max);
  void forget(std::list<Kept>::iterator which);

  std::uint64_t secret_;
  std::size_t bytes_min_;
  std::list<Kept> kept_;  ///< The one used last in front.
  std::unordered_map<std::uint64_t, std::list<Kept>::iterator> by_version_;
  std::size_t bytes_ = 0;
  std::array<std::uint64_t, kExpectedMax> expected_{};  ///< Versions, in a circle; 0: none.
  std::size_t next_expected_ = 0;
};

}  // namespace trellis
