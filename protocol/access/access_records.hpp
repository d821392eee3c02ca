// AccessRecords: the users of a cluster, and the roles that say what they may do.
//
// One value, kept in the replicated state of partition 0 beside the cluster map and copied from there to all members
// and brokers.  Each change makes the next version from the one before (access_changes.hpp).
// Invariant, which check() tells of any value and read_access_records() of bytes from outside: names differ, keys
// differ, each user has a role that exists, and all of it stays within the limits below.
// Threading: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.hpp"
#include "protocol/result.hpp"

namespace trellis {

class PackedReader;

constexpr std::size_t kUsersMax = 1'000;
constexpr std::size_t kRolesMax = 100;           ///< Beside the built-in ones.
constexpr std::size_t kRulesMax = 64;            ///< In one role.
constexpr std::size_t kRulePrefixSizeMax = 256;  ///< Bytes.
constexpr std::size_t kAccessNameSizeMax = 64;   ///< Bytes of a user's or a role's name.
constexpr std::size_t kTokensMax = 8;            ///< A user's, at most.
constexpr std::size_t kAccessSizeMax = 1 << 20;  ///< Bytes of all records together, packed.
constexpr std::size_t kPublicKeySize = 32;       ///< Bytes of a public key (CURVE's).
constexpr std::size_t kTokenHashSize = 32;       ///< Bytes: SHA-256 of a token.
constexpr std::size_t kDoneChangesMax = 256;     ///< Requests that are known to be done.
constexpr std::size_t kDoneSizeMax = 16 << 10;   ///< Bytes of those, packed, beside kAccessSizeMax.

/// What is allowed on all keys with a prefix.
struct AccessRule {
  std::string prefix;
  bool read = false;
  bool write = false;
  bool operator==(const AccessRule&) const = default;
};

struct Role {
  std::string name;
  std::vector<AccessRule> rules;
  ClusterRight cluster = ClusterRight::kNone;
  bool speak_for = false;  ///< Its users may say for which other user they ask.
  bool operator==(const Role&) const = default;
};

/// By which HTTP knows a user.  The token itself is kept nowhere.
struct AccessToken {
  std::string hash;           ///< kTokenHashSize bytes.
  std::uint64_t ends_at = 0;  ///< Seconds since 1970, UTC.
  bool operator==(const AccessToken&) const = default;
};

struct User {
  std::string name;
  std::uint64_t number = 0;  ///< Given once: who is removed and added again is another user.
  std::string public_key;    ///< kPublicKeySize bytes.
  std::string role;
  std::vector<AccessToken> tokens;
  bool operator==(const User&) const = default;
};

/// What came of the request for a change.
enum class ChangeOutcome : std::uint8_t {
  kSame,  ///< It was so already.
  kChanged,
  kInvalid,
  kNotFound,
  kNotNow,  ///< kFailedPrecondition
  kTooMuch,
  kIsThere,
  kCount,  ///< How many there are; none itself.
};

/// A request that was carried out, or refused: a copy of it that comes later is answered the same, and not done again.
struct DoneChange {
  std::uint64_t identity = 0;
  ChangeOutcome outcome = ChangeOutcome::kSame;
  bool operator==(const DoneChange&) const = default;
};

struct AccessRecords {
  std::uint64_t version = 0;  ///< 0: there are none yet.
  std::uint64_t next_user = 1;
  std::vector<User> users;       ///< In the order of their names, as the roles.
  std::vector<Role> roles;       ///< The built-in ones are not among them.
  std::vector<DoneChange> done;  ///< The last ones, in their order.

  bool operator==(const AccessRecords&) const = default;

  const User* find_user(std::string_view name) const;
  const User* find_number(std::uint64_t number) const;
  const User* find_key(std::string_view public_key) const;
  /// Whose token has this hash and has not ended.  @param now  seconds since 1970
  const User* find_token(std::string_view hash, std::uint64_t now) const;
  /// A built-in one, or one of these; null where there is none of that name.
  const Role* find_role(std::string_view name) const;
  const DoneChange* find_done(std::uint64_t identity) const;
};

/// reader, writer, operator, admin and gateway: there for every cluster, and never changed.
std::span<const Role> built_in_roles();
/// The built-in role of whoever administers the cluster.
inline constexpr std::string_view kAdminRole = "admin";

/// 1 to kAccessNameSizeMax letters, digits, dots, hyphens and underscores, no hyphen or dot first.
bool is_access_name(std::string_view name);

/// Whether it agrees with itself.  Error: kInvalidArgument, or kResourceExhausted where a limit is passed.
Result<void> check(const AccessRecords& records);

std::string pack(const AccessRecords& records);
/// Error: kInvalidArgument.
Result<AccessRecords> read_access_records(std::string_view packed);

/// One packed rule set, as ROLE_SET takes it and ROLE_LIST tells it: a map of `rules`, `cluster` and `speak_for`.
void pack_role_fields(const Role& role, std::string& out);
/// Takes the value of one of these fields; false: it is no such field, or another value.
bool read_role_field(std::string_view name, PackedReader& reader, Role& role);

}  // namespace trellis
