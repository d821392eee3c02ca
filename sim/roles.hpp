// Roles: what the one user of the raw clients may do in a cluster with users, by a model of its own.
//
// The model shares nothing with what brokers decide by (protocol/access/permissions): a prefix is looked for, and that
// is all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/access/access_records.hpp"
#include "protocol/reply.hpp"
#include "sim/checker/history.hpp"
#include "sim/random.hpp"

namespace trellis::sim {

/// The raw clients' user and its key, and the role whose rules change.
inline constexpr std::string_view kGuest = "guest";
inline constexpr std::string_view kGuests = "guests";
/// The number that the user has at first: each further one of that name has the next.
inline constexpr std::uint64_t kFirstGuest = 2;
std::string guest_key();

/// What users and roles say of the guest at some version of them.
struct RoleState {
  std::optional<std::uint64_t> guest;  ///< Its number; nothing: there is no such user.
  std::string role;                    ///< One of reader, writer and kGuests.
  std::vector<AccessRule> rules;       ///< Those of kGuests.

  bool may_read(std::string_view key) const;
  bool may_write(std::string_view key) const;
  bool may_read_anything() const;
  bool operator==(const RoleState&) const = default;

 private:
  bool allows(std::string_view key, bool AccessRule::*right) const;
};

/// With what a simulated cluster begins, as the model has it and as the cluster has it.
RoleState first_role_state();
AccessRecords simulated_users();

/// Some rules, which may be none.
std::vector<AccessRule> draw_rules(Random& random);

/// What is wrong with an answer to an operation of the user with this number; null: nothing.
const char* wrong_by_role(const RoleState& state, std::uint64_t user, const Operation& operation, Code status);
/// The same with the answer to a KEYS, SCAN or COUNT of all keys.
const char* wrong_by_role(const RoleState& state, std::uint64_t user, Command command, const Reply& reply);

}  // namespace trellis::sim
