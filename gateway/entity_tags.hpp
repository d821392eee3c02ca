// Entity tags: the versions of documents, as If-Match and If-None-Match name them (RFC 9110, 8.8.3 and 13.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace trellis {

/// A condition on the version: If-Match or If-None-Match.
struct VersionCondition {
  bool any = false;                     ///< *
  std::vector<std::uint64_t> versions;  ///< Tags that are no versions match nothing and are left out.
  bool holds(std::uint64_t version) const;
};

struct EntityTags {
  VersionCondition strong;  ///< What If-Match compares with: weak tags never match.
  VersionCondition weak;    ///< What If-None-Match compares with: all tags.
  std::size_t count = 0;
};

/// Nothing where the list is none of entity tags.
std::optional<EntityTags> read_entity_tags(std::string_view text);

}  // namespace trellis
