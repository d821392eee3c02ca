#include "sim/roles.hpp"

#include <algorithm>

#include "protocol/access/access_changes.hpp"
#include "protocol/packed.hpp"

namespace trellis::sim {
namespace {

enum class Expected : std::uint8_t { kAnswer, kRefusal, kUnknownUser };

/// What a status shows of how the request was met; nothing: it may come of anything.
std::optional<Expected> shown_by(Code status) {
  switch (status) {
    case Code::kOk:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition: return Expected::kAnswer;
    case Code::kPermissionDenied: return Expected::kRefusal;
    case Code::kUnauthenticated: return Expected::kUnknownUser;
    default: return std::nullopt;
  }
}

const char* wrong(Expected expected, Code status) {
  const auto shown = shown_by(status);
  if (!shown || *shown == expected) return nullptr;
  switch (expected) {
    case Expected::kAnswer: return "what its role allows was refused";
    case Expected::kRefusal: return "what its role does not allow was done, or told";
    default: return "a user that was removed is still one";
  }
}

bool has_condition(const Operation& operation) { return operation.if_absent || operation.if_version; }

Expected expected_of(const RoleState& state, std::uint64_t user, const Operation& operation) {
  if (state.guest != user) return Expected::kUnknownUser;
  const bool writes = is_write(operation.command);
  const bool reads = !writes || operation.command != Command::kDelete || has_condition(operation);
  const bool may = (!reads || state.may_read(operation.key)) && (!writes || state.may_write(operation.key));
  return may ? Expected::kAnswer : Expected::kRefusal;
}

}  // namespace

std::string guest_key() { return std::string(kPublicKeySize, 'g'); }

bool RoleState::allows(std::string_view key, bool AccessRule::*right) const {
  return std::any_of(rules.begin(), rules.end(),
                     [&](const AccessRule& rule) { return rule.*right && key.starts_with(rule.prefix); });
}

bool RoleState::may_read(std::string_view key) const { return role != kGuests || allows(key, &AccessRule::read); }

bool RoleState::may_write(std::string_view key) const {
  return role == "writer" || (role == kGuests && allows(key, &AccessRule::write));
}

bool RoleState::may_read_anything() const {
  return role != kGuests || std::any_of(rules.begin(), rules.end(), [](const AccessRule& rule) { return rule.read; });
}

RoleState first_role_state() {
  return {kFirstGuest, std::string(kGuests), {{"a/", true, true}, {"c/", true, true}, {"t/", true, false}}};
}

AccessRecords simulated_users() {
  const RoleState state = first_role_state();
  AccessRecords records = first_access_records(std::string(kPublicKeySize, 'a'));
  records.next_user = kFirstGuest + 1;
  records.roles.push_back({std::string(kGuests), state.rules, ClusterRight::kRead, false});
  records.users.push_back({std::string(kGuest), kFirstGuest, guest_key(), state.role, {}});
  return records;
}

std::vector<AccessRule> draw_rules(Random& random) {
  static const std::vector<std::string> kPrefixes{"", "a/", "b/", "c/", "t/", "a/1", "b/1", "probe/"};
  std::vector<AccessRule> rules(static_cast<std::size_t>(random.below(5)));
  for (AccessRule& rule : rules) {
    rule.prefix = random.pick(kPrefixes);
    rule.read = random.chance(0.7);
    rule.write = !rule.read || random.chance(0.5);
  }
  return rules;
}

const char* wrong_by_role(const RoleState& state, std::uint64_t user, const Operation& operation, Code status) {
  return wrong(expected_of(state, user, operation), status);
}

const char* wrong_by_role(const RoleState& state, std::uint64_t user, Command command, const Reply& reply) {
  const Expected expected = state.guest != user         ? Expected::kUnknownUser
                            : state.may_read_anything() ? Expected::kAnswer
                                                        : Expected::kRefusal;
  if (const char* const why = wrong(expected, reply.status)) return why;
  if (reply.status != Code::kOk) return nullptr;
  if (reply.info.filtered == state.may_read("")) return "a listing does not say rightly whether it shows a part";
  if (command == Command::kCount) return nullptr;
  PackedReader reader(reply.result);
  for (auto left = reader.read_array().value_or(0); left > 0; --left) {
    if (command == Command::kScan) reader.read_array();
    const auto key = reader.read_bytes();
    if (!key || !state.may_read(*key)) return "a listing shows a key that may not be read";
    if (command == Command::kScan) reader.read_value();
  }
  return nullptr;
}

}  // namespace trellis::sim
