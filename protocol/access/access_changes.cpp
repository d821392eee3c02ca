#include "protocol/access/access_changes.hpp"

#include <xxhash.h>

#include <algorithm>
#include <optional>

#include "protocol/lenient.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// What stands in the arguments of any of the commands; each has some of it.
struct Asked {
  std::string name;
  std::string public_key;
  std::string role;
  std::optional<AccessToken> token;  ///< USER_TOKEN: nothing takes all of them away.
  Role rules;
};

Error not_found(const char* what, std::string_view name) {
  return {Code::kNotFound, std::string("no ") + what + " " + quoted_excerpt(name)};
}

Error not_in_form(Command command) {
  return invalid_argument("arguments must be " + std::string(row_of(row_of(command).signature).form));
}

std::optional<std::string> read_name(PackedReader& reader) {
  const auto name = read_text(reader);
  return name && is_access_name(*name) ? std::optional<std::string>(*name) : std::nullopt;
}

std::optional<std::string> read_bytes_of(PackedReader& reader, std::size_t size) {
  const auto bytes = reader.read_bytes();
  return bytes && bytes->size() == size ? std::optional<std::string>(*bytes) : std::nullopt;
}

/// {"rules": [rule, ...], "cluster": "read" | "operate" | "admin" | nil, "speak_for": bool}; each may be left out.
bool read_role_fields(PackedReader& reader, Role& role) {
  const auto fields = read_fields(reader);
  if (!fields) return false;
  for (std::uint32_t i = 0; i < *fields; ++i) {
    const auto name = read_text(reader);
    if (!name || !read_role_field(*name, reader, role)) return false;
  }
  return true;
}

/// @param count  of the arguments; the last may be left out
bool read_arguments(Command command, PackedReader& reader, std::uint32_t count, Asked& asked) {
  if (count == 0) return true;
  auto name = read_name(reader);
  if (!name) return false;
  asked.name = std::move(*name);
  switch (command) {
    case Command::kUserAdd: {
      auto key = read_bytes_of(reader, kPublicKeySize);
      auto role = read_name(reader);
      if (!key || !role) return false;
      asked.public_key = std::move(*key);
      asked.role = std::move(*role);
      return true;
    }
    case Command::kUserRole: {
      auto role = read_name(reader);
      if (role) asked.role = std::move(*role);
      return role.has_value();
    }
    case Command::kUserToken: {
      if (count == 2) return reader.read_nil();
      auto hash = read_bytes_of(reader, kTokenHashSize);
      const auto ends_at = read_whole(reader);
      if (!hash || !ends_at) return false;
      asked.token = AccessToken{std::move(*hash), *ends_at};
      return true;
    }
    case Command::kRoleSet: asked.rules.name = asked.name; return read_role_fields(reader, asked.rules);
    default: return true;
  }
}

Result<Asked> read_asked(Command command, std::string_view arguments) {
  PackedReader reader(arguments_of(arguments));
  const SignatureRow& row = row_of(row_of(command).signature);
  const auto count = reader.read_array();
  Asked asked;
  if (!count || *count < row.least || *count > row.arguments.size() ||
      !read_arguments(command, reader, *count, asked) || !reader.at_end()) {
    return not_in_form(command);
  }
  return asked;
}

template <typename Named>
auto place_of(std::vector<Named>& all, std::string_view name) {
  return std::lower_bound(all.begin(), all.end(), name,
                          [](const Named& each, std::string_view sought) { return each.name < sought; });
}

bool administers(const AccessRecords& records, const User& user) {
  const Role* const role = records.find_role(user.role);
  return role != nullptr && role->cluster == ClusterRight::kAdmin;
}

/// The next version, where it is sound and somebody can go on changing it.
Result<AccessRecords> finished(const AccessRecords& before, AccessRecords after) {
  if (after == before) return after;
  ++after.version;
  if (auto good = check(after); !good) return good.error();
  AccessRecords alone = after;
  alone.done.clear();
  if (pack(alone).size() > kAccessSizeMax) {
    return Error{Code::kResourceExhausted, "users and roles have at most " + std::to_string(kAccessSizeMax) +
                                               " bytes together; remove those that nobody needs"};
  }
  const auto is_admin = [](const AccessRecords& records) {
    return [&records](const User& user) { return administers(records, user); };
  };
  if (std::none_of(after.users.begin(), after.users.end(), is_admin(after))) {
    return Error{Code::kFailedPrecondition, "nobody would be left who may change users and roles"};
  }
  return after;
}

Result<AccessRecords> add_user(const AccessRecords& records, const Asked& asked) {
  if (records.find_role(asked.role) == nullptr) return not_found("role", asked.role);
  const User* const holder = records.find_key(asked.public_key);
  const User* const known = records.find_user(asked.name);
  if (known != nullptr && known == holder && known->role == asked.role) return records;  // Asked once more.
  if (known != nullptr) {
    return Error{Code::kAlreadyExists,
                 "user " + asked.name + " is there already; remove it first, or choose another name"};
  }
  if (holder != nullptr) return Error{Code::kAlreadyExists, "user " + holder->name + " has this key"};
  AccessRecords next = records;
  next.users.insert(place_of(next.users, asked.name),
                    User{asked.name, next.next_user, asked.public_key, asked.role, {}});
  ++next.next_user;
  return finished(records, std::move(next));
}

Result<AccessRecords> change_user(const AccessRecords& records, Command command, const Asked& asked) {
  AccessRecords next = records;
  const auto at = place_of(next.users, asked.name);
  if (at == next.users.end() || at->name != asked.name) return not_found("user", asked.name);
  if (command == Command::kUserRemove) {
    next.users.erase(at);
  } else if (command == Command::kUserRole) {
    if (records.find_role(asked.role) == nullptr) return not_found("role", asked.role);
    at->role = asked.role;
  } else if (!asked.token) {
    at->tokens.clear();
  } else if (std::find(at->tokens.begin(), at->tokens.end(), *asked.token) == at->tokens.end()) {
    at->tokens.push_back(*asked.token);
  }
  return finished(records, std::move(next));
}

Result<AccessRecords> set_role(const AccessRecords& records, const Asked& asked) {
  AccessRecords next = records;
  const auto at = place_of(next.roles, asked.name);
  if (at != next.roles.end() && at->name == asked.name) {
    *at = asked.rules;
  } else {
    next.roles.insert(at, asked.rules);
  }
  return finished(records, std::move(next));
}

Result<AccessRecords> remove_role(const AccessRecords& records, const Asked& asked) {
  AccessRecords next = records;
  const auto at = place_of(next.roles, asked.name);
  if (at == next.roles.end() || at->name != asked.name) return not_found("role of the cluster's own", asked.name);
  const auto holder = std::find_if(records.users.begin(), records.users.end(),
                                   [&](const User& user) { return user.role == asked.name; });
  if (holder != records.users.end()) {
    return Error{Code::kFailedPrecondition, "user " + holder->name + " has the role " + asked.name};
  }
  next.roles.erase(at);
  return finished(records, std::move(next));
}

ChangeOutcome outcome_of(Code error) {
  switch (error) {
    case Code::kNotFound: return ChangeOutcome::kNotFound;
    case Code::kFailedPrecondition: return ChangeOutcome::kNotNow;
    case Code::kResourceExhausted: return ChangeOutcome::kTooMuch;
    case Code::kAlreadyExists: return ChangeOutcome::kIsThere;
    default: return ChangeOutcome::kInvalid;
  }
}

}  // namespace

std::uint64_t change_identity(std::string_view session, std::uint64_t seq, Command command,
                              std::string_view arguments) {
  std::string bytes;
  PackedWriter(bytes).array(4).bin(session).natural(seq).str(name_of(command)).packed(arguments);
  return XXH3_64bits(bytes.data(), bytes.size());
}

AccessRecords with_done(const AccessRecords& records, const Result<AccessRecords>& next, std::uint64_t identity) {
  AccessRecords after = next ? *next : records;
  const bool is_changed = next && next->version != records.version;
  const ChangeOutcome outcome = !next        ? outcome_of(next.error().code)
                                : is_changed ? ChangeOutcome::kChanged
                                             : ChangeOutcome::kSame;
  after.version = records.version + 1;
  if (after.done.size() >= kDoneChangesMax) after.done.erase(after.done.begin());
  after.done.push_back({identity, outcome});
  return after;
}

std::optional<Code> code_of(ChangeOutcome outcome) {
  switch (outcome) {
    case ChangeOutcome::kInvalid: return Code::kInvalidArgument;
    case ChangeOutcome::kNotFound: return Code::kNotFound;
    case ChangeOutcome::kNotNow: return Code::kFailedPrecondition;
    case ChangeOutcome::kTooMuch: return Code::kResourceExhausted;
    case ChangeOutcome::kIsThere: return Code::kAlreadyExists;
    default: return std::nullopt;
  }
}

AccessRecords first_access_records(std::string_view public_key) {
  AccessRecords records;
  records.version = 1;
  records.next_user = 2;
  records.users.push_back({std::string(kFirstUser), 1, std::string(public_key), std::string(kAdminRole), {}});
  return records;
}

bool is_about_access(Command command) {
  switch (command) {
    case Command::kUserAdd:
    case Command::kUserRemove:
    case Command::kUserRole:
    case Command::kUserToken:
    case Command::kUserList:
    case Command::kRoleSet:
    case Command::kRoleRemove:
    case Command::kRoleList: return true;
    default: return false;
  }
}

Result<void> check_access_arguments(Command command, std::string_view arguments) {
  const auto asked = read_asked(command, arguments);
  return asked ? Result<void>() : Result<void>(asked.error());
}

Result<AccessRecords> with_change(const AccessRecords& records, Command command, std::string_view arguments) {
  const auto asked = read_asked(command, arguments);
  if (!asked) return asked.error();
  switch (command) {
    case Command::kUserAdd: return add_user(records, *asked);
    case Command::kRoleSet: return set_role(records, *asked);
    case Command::kRoleRemove: return remove_role(records, *asked);
    case Command::kUserList:
    case Command::kRoleList: return records;
    default: return change_user(records, command, *asked);
  }
}

}  // namespace trellis
