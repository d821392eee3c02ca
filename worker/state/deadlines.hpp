// Deadlines: the documents of a partition that expire, in the order in which they do.
//
// It follows the deadlines that stand in the documents' own records (worker/trie): what is due is found without looking
// at what is not.  Deadlines are milliseconds of the group's time, never 0; of the same moment, keys in byte order.
// Threading: belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/trie/trie.hpp"

namespace trellis {

class Deadlines {
 public:
  bool empty() const { return by_deadline_.empty(); }
  std::size_t size() const { return by_deadline_.size(); }
  /// Bytes of memory that all of them take.
  std::size_t memory() const { return by_deadline_.memory(); }

  /// The key's deadline changes; 0: it had none, or has none now.
  void change(std::string_view key, std::uint64_t before, std::uint64_t now);
  /// The first of all; nothing where there are none.
  std::optional<std::uint64_t> earliest() const;
  /// Takes out those whose deadline is `now` or earlier: the first of them, `most` at most.  Returns their places here:
  /// key_at() says whose.
  std::vector<std::string> take_due(std::uint64_t now, std::size_t most);
  static std::string_view key_at(std::string_view place) { return place.substr(sizeof(std::uint64_t)); }

 private:
  Trie by_deadline_;  ///< Deadline (u64, big-endian) and key; the documents are empty.
};

}  // namespace trellis
