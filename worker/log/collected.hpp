// Collected: the batch that one turn fills, and what will be true once it is durable.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "worker/log/batch.hpp"
#include "worker/log/contents.hpp"

namespace trellis {

class Collected {
 public:
  void add(const EntryRecord& entry);
  void add(const TruncateRecord& record);
  void add(const CutRecord& record);
  void add(const PutRecord& record);
  void add(const RemoveRecord& record);
  void add(const FreedRecord& record);

  bool empty() const { return batch_.empty(); }
  BatchBuffer& batch() { return batch_; }
  /// Bytes of entries that were not there before.
  std::uint64_t payload() const { return payload_; }
  /// Whether entries of the group are taken away in it.
  bool takes_from(PartitionId group) const { return taken_from_.contains(group); }

  /// It is durable, and begins so many bytes of content into this file.
  void apply_to(LogContents& contents, std::uint32_t file, std::uint32_t begin) const;
  void clear();

 private:
  struct Put {
    std::string name;
    std::string value;
  };
  struct Remove {
    std::string from;
    std::string to;
  };
  struct Entry {
    PartitionId group;
    LogIndex index;
    std::uint32_t at;
    std::uint32_t size;
  };
  using Change = std::variant<Entry, TruncateRecord, CutRecord, Put, Remove>;

  BatchBuffer batch_;
  std::vector<Change> changes_;
  std::set<PartitionId> taken_from_;
  std::uint64_t payload_ = 0;
};

}  // namespace trellis
