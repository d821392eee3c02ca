// Permissions: what one user may do, by the rules of its role.
//
// The decision is made by the broker for each key of a command, in a BATCH item by item.  Reads need the right to read
// the key, DELETE needs that to write it; what tells of the document that was there (PUT, SET and PATCH by their
// results, POP, EXPIRE, and whatever has a condition) needs both.  A listing shows the part of what it asks for that
// may be read.
// Pure, and free of sockets.  Threading: a value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/access/access_records.hpp"
#include "protocol/command.hpp"

namespace trellis {

/// Keys from `from` on and below `below`; nothing there: to the end of all keys.
struct KeyInterval {
  std::string from;
  std::optional<std::string> below;

  bool is_empty() const { return below && *below <= from; }
  bool operator==(const KeyInterval&) const = default;
};

/// All keys with the prefix.
KeyInterval keys_with_prefix(std::string_view prefix);
KeyInterval intersection(const KeyInterval& one, const KeyInterval& other);

/// What a listing may show.
struct VisiblePart {
  std::vector<KeyInterval> intervals;  ///< Disjoint, in byte order; empty: nothing of it.
  bool is_whole = false;               ///< All that was asked for.
};

class Permissions {
 public:
  /// @param role  null: of a user that has none, and may do nothing
  Permissions(std::string user, const Role* role);

  const std::string& user() const { return user_; }
  bool may_read(std::string_view key) const { return allows(key, true, false); }
  bool may_write(std::string_view key) const { return allows(key, false, true); }
  bool may_speak_for() const { return role_.speak_for; }
  ClusterRight cluster() const { return role_.cluster; }

  /// Why a command on one key, or an item of a BATCH, is refused.  Nothing: it may be done, or is so broken that it
  /// never is.
  std::optional<Error> refusal(Command command, std::string_view arguments, const Options& options) const;
  /// The same for any command but a BATCH, whose items stand for themselves.  A listing is refused where no part of it
  /// may be seen.
  std::optional<Error> refusal(const Request& request) const;

  /// The part of these keys that may be read.
  VisiblePart visible(const KeyInterval& asked) const;

 private:
  bool allows(std::string_view key, bool read, bool write) const;
  std::optional<Error> refusal_of_key(Command command, std::string_view key, bool read, bool write) const;
  Error denied(Command command, const std::string& missing) const;

  std::string user_;
  Role role_;
  std::vector<KeyInterval> readable_;  ///< What all rules together allow, merged.
};

/// The keys that a listing asks for: by its prefix, its range, and the beginning of its pattern.
KeyInterval keys_asked_for(std::string_view prefix, const KeyRange& range);

}  // namespace trellis
