// EntryIndex: where each entry of each group lies, and so which segments are still needed.
//
// An entry costs the size of a Place; its bytes are on the disk alone.  While a log is read at the start, entries whose
// segment has become free, and which were written anew behind others, are holes for a while; find_hole() tells of one
// that stays.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/types.hpp"

namespace trellis {

/// A record in a segment.
struct Place {
  std::uint32_t file = 0;  ///< 0: none.
  std::uint32_t at = 0;    ///< Bytes of content before it, marks not counted.
  std::uint32_t size = 0;
  bool operator==(const Place&) const = default;
};

class EntryIndex {
 public:
  struct Use {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
  };
  using Key = std::pair<PartitionId, LogIndex>;

  /// The entry lies here now.  False: no log has such a gap.
  bool set(PartitionId group, LogIndex index, const Place& place);
  void truncate(PartitionId group, LogIndex from);
  void cut(PartitionId group, LogIndex first);

  /// The group's first entry; 0: it has none.
  LogIndex first(PartitionId group) const;
  /// One past the group's last entry; as first() where it has none.
  LogIndex end(PartitionId group) const;
  /// Where the entry lies; nothing where it is not there.
  std::optional<Place> find(PartitionId group, LogIndex index) const;

  /// How many bytes all entries take.
  std::uint64_t bytes() const { return bytes_; }
  /// Bytes of memory that the index takes.
  std::uint64_t memory() const;
  /// What is needed of a segment.
  Use use_of(std::uint32_t file) const;
  /// All entries in a segment, those of a group from the last to the first.
  std::vector<Key> entries_in(std::uint32_t file) const;
  /// The first entry that is missing in a group's log.
  std::optional<Key> find_hole() const;
  /// The last entry of each group that has any, by group.
  std::vector<Key> last_entries() const;

 private:
  struct Entries {
    std::uint64_t first = 0;
    std::deque<Place> places;
  };
  void forget(const Place& place);

  std::unordered_map<PartitionId, Entries> groups_;
  std::unordered_map<std::uint32_t, Use> uses_;
  std::uint64_t bytes_ = 0;
};

}  // namespace trellis
