// Places: every place of a document that the operations of a PATCH name, as a tree of steps.
//
//   set visits.today 1     ->   visits - today
//   remove tags.0               tags   - 0
//   merge {"a": {"b": 1}}       a      - b
//
// The document is walked along this tree once, for all operations (protocol/patch/draft).  It says where to look, and
// never decides what is found: operations that move things about may go where no place was named, at the cost of a
// walk of their own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/patch/operation.hpp"
#include "protocol/patch/walk_limit.hpp"

namespace trellis {

class Places {
 public:
  /// What each named place counts for in the walk: its memory.
  static constexpr std::uint64_t kBytesEach = 256;

  Places() = default;
  /// Views into the operations stay.  Where the limit is exceeded, some are left out.
  Places(const std::vector<PatchOperation>& operations, WalkLimit& walk);

  bool empty() const { return names_.empty() && positions_.empty(); }
  /// What is named below the child with that key of a map; nothing where none is.
  const Places* find(std::string_view key) const;
  /// And below that element of a list.
  const Places* find(std::uint64_t position) const;
  /// The first named position from there on.
  std::optional<std::uint64_t> next_position(std::uint64_t from) const;

 private:
  void add(const Path& path, std::string_view merged, WalkLimit& walk);
  void add_merged(std::string_view merged, WalkLimit& walk);
  Places* make(const PathSegment& step, WalkLimit& walk);

  static std::uint64_t bit_of(std::string_view key) {
    const auto first = static_cast<unsigned char>(key.empty() ? 0 : key.front());
    const auto last = static_cast<unsigned char>(key.empty() ? 0 : key.back());
    return std::uint64_t{1} << ((key.size() * 7 + first * std::size_t{3} + last * std::size_t{13}) & 63u);
  }

  /// A bit for each name: most keys of a large map are no name, and told so without a lookup.
  std::uint64_t bits_ = 0;
  std::unordered_map<std::string_view, std::unique_ptr<Places>> names_;
  std::map<std::uint64_t, std::unique_ptr<Places>> positions_;  ///< A str of digits is one, too.
};

}  // namespace trellis
