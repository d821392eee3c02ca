#include "protocol/access/access_records.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "protocol/lenient.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// Format 2 has the requests that are done as well; where there are none the first is written.
constexpr std::uint64_t kFormatVersion = 1;
constexpr std::uint64_t kFormatWithDone = 2;
constexpr std::uint64_t kReadBit = 1;
constexpr std::uint64_t kWriteBit = 2;

Error bad(const std::string& what) { return invalid_argument("users and roles: " + what); }
Error too_many(const std::string& what) { return {Code::kResourceExhausted, what}; }

template <typename Named>
const Named* find_named(const std::vector<Named>& all, std::string_view name) {
  const auto at = std::lower_bound(all.begin(), all.end(), name,
                                   [](const Named& each, std::string_view sought) { return each.name < sought; });
  return at != all.end() && at->name == name ? &*at : nullptr;
}

template <typename Named>
bool are_in_order(const std::vector<Named>& all) {
  return std::adjacent_find(all.begin(), all.end(), [](const Named& a, const Named& b) { return a.name >= b.name; }) ==
         all.end();
}

Result<void> check(const Role& role) {
  if (!is_access_name(role.name)) return bad("no role can have the name " + quoted_excerpt(role.name));
  if (role.rules.size() > kRulesMax) {
    return too_many("a role has at most " + std::to_string(kRulesMax) + " rules");
  }
  for (const AccessRule& rule : role.rules) {
    if (rule.prefix.size() > kRulePrefixSizeMax) {
      return too_many("a rule's prefix has at most " + std::to_string(kRulePrefixSizeMax) + " bytes");
    }
    if (!rule.read && !rule.write) return bad("a rule of role " + role.name + " allows nothing");
  }
  return {};
}

Result<void> check(const User& user, const AccessRecords& records) {
  if (!is_access_name(user.name)) return bad("no user can have the name " + quoted_excerpt(user.name));
  if (user.number == 0 || user.number >= records.next_user) return bad("user " + user.name + " has no number");
  if (user.public_key.size() != kPublicKeySize) return bad("user " + user.name + " has no key");
  if (records.find_role(user.role) == nullptr) {
    return bad("user " + user.name + " has the role " + quoted_excerpt(user.role) + ", which does not exist");
  }
  if (user.tokens.size() > kTokensMax) {
    return too_many("a user has at most " + std::to_string(kTokensMax) + " tokens; those that have ended can go");
  }
  for (const AccessToken& token : user.tokens) {
    if (token.hash.size() != kTokenHashSize) return bad("a token of user " + user.name + " is none");
  }
  return {};
}

bool read_done(PackedReader& reader, std::vector<DoneChange>& done) {
  const auto numbers = reader.read_array();
  if (!numbers || *numbers % 2 != 0 || *numbers > 2 * kDoneChangesMax || *numbers == 0) return false;
  for (std::uint32_t i = 0; i < *numbers / 2; ++i) {
    const auto identity = reader.read_uint();
    const auto outcome = reader.read_uint();
    if (!identity || !outcome || *outcome >= static_cast<std::uint64_t>(ChangeOutcome::kCount)) return false;
    done.push_back({*identity, static_cast<ChangeOutcome>(*outcome)});
  }
  return true;
}

/// An array of at most `most` elements, or nothing; so a forged count reserves nothing large.
std::optional<std::uint32_t> read_array_up_to(PackedReader& reader, std::size_t most) {
  const auto count = reader.read_array();
  return count && *count <= most ? count : std::nullopt;
}

std::optional<User> read_user(PackedReader& reader) {
  if (reader.read_array() != 5u) return std::nullopt;
  const auto name = reader.read_str();
  const auto number = reader.read_uint();
  const auto key = reader.read_bytes();
  const auto role = reader.read_str();
  const auto tokens = read_array_up_to(reader, kTokensMax);
  if (!name || !number || !key || !role || !tokens) return std::nullopt;
  User user{std::string(*name), *number, std::string(*key), std::string(*role), {}};
  for (std::uint32_t i = 0; i < *tokens; ++i) {
    const bool is_pair = reader.read_array() == 2u;
    const auto hash = reader.read_bytes();
    const auto ends_at = reader.read_uint();
    if (!is_pair || !hash || !ends_at) return std::nullopt;
    user.tokens.push_back({std::string(*hash), *ends_at});
  }
  return user;
}

std::optional<Role> read_role(PackedReader& reader) {
  if (reader.read_array() != 4u) return std::nullopt;
  const auto name = reader.read_str();
  const auto cluster = reader.read_uint();
  const auto speak_for = reader.read_bool();
  const auto rules = read_array_up_to(reader, kRulesMax);
  if (!name || !cluster || *cluster > static_cast<std::uint64_t>(ClusterRight::kAdmin) || !speak_for || !rules) {
    return std::nullopt;
  }
  Role role{std::string(*name), {}, static_cast<ClusterRight>(*cluster), *speak_for};
  for (std::uint32_t i = 0; i < *rules; ++i) {
    const bool is_pair = reader.read_array() == 2u;
    const auto prefix = reader.read_bytes();
    const auto allowed = reader.read_uint();
    if (!is_pair || !prefix || !allowed || *allowed > (kReadBit | kWriteBit)) return std::nullopt;
    role.rules.push_back({std::string(*prefix), (*allowed & kReadBit) != 0, (*allowed & kWriteBit) != 0});
  }
  return role;
}

std::optional<ClusterRight> cluster_right_of(std::string_view name) {
  for (const auto right : {ClusterRight::kRead, ClusterRight::kOperate, ClusterRight::kAdmin}) {
    if (name == name_of(right)) return right;
  }
  return std::nullopt;
}

/// {"prefix": str or bin, "allow": ["read", "write"]}
std::optional<AccessRule> read_rule(PackedReader& reader) {
  const auto fields = read_fields(reader);
  if (!fields) return std::nullopt;
  AccessRule rule;
  bool has_prefix = false;
  for (std::uint32_t i = 0; i < *fields; ++i) {
    const auto name = read_text(reader);
    if (name == "prefix" && !has_prefix) {
      const auto prefix = reader.read_bytes();
      if (!prefix) return std::nullopt;
      rule.prefix = *prefix;
      has_prefix = true;
    } else if (name == "allow") {
      const auto count = reader.read_array();
      if (!count) return std::nullopt;
      for (std::uint32_t each = 0; each < *count; ++each) {
        const auto what = read_text(reader);
        if (what != "read" && what != "write") return std::nullopt;
        (what == "read" ? rule.read : rule.write) = true;
      }
    } else {
      return std::nullopt;
    }
  }
  return has_prefix && (rule.read || rule.write) ? std::optional(rule) : std::nullopt;
}

}  // namespace

std::span<const Role> built_in_roles() {
  static const std::array<Role, 5> kRoles = {{
      {"reader", {{"", true, false}}, ClusterRight::kRead, false},
      {"writer", {{"", true, true}}, ClusterRight::kRead, false},
      {"operator", {}, ClusterRight::kOperate, false},
      {std::string(kAdminRole), {{"", true, true}}, ClusterRight::kAdmin, false},
      {"gateway", {}, ClusterRight::kRead, true},
  }};
  return kRoles;
}

bool is_access_name(std::string_view name) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  };
  return !name.empty() && name.size() <= kAccessNameSizeMax && name.front() != '-' && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), is_good);
}

const User* AccessRecords::find_user(std::string_view name) const { return find_named(users, name); }

const User* AccessRecords::find_number(std::uint64_t number) const {
  const auto at =
      std::find_if(users.begin(), users.end(), [number](const User& each) { return each.number == number; });
  return at == users.end() ? nullptr : &*at;
}

const User* AccessRecords::find_key(std::string_view public_key) const {
  const auto at =
      std::find_if(users.begin(), users.end(), [&](const User& each) { return each.public_key == public_key; });
  return at == users.end() ? nullptr : &*at;
}

const User* AccessRecords::find_token(std::string_view hash, std::uint64_t now) const {
  for (const User& user : users) {
    for (const AccessToken& token : user.tokens) {
      if (token.hash == hash && now < token.ends_at) return &user;
    }
  }
  return nullptr;
}

const Role* AccessRecords::find_role(std::string_view name) const {
  for (const Role& role : built_in_roles()) {
    if (role.name == name) return &role;
  }
  return find_named(roles, name);
}

const DoneChange* AccessRecords::find_done(std::uint64_t identity) const {
  const auto at =
      std::find_if(done.begin(), done.end(), [identity](const DoneChange& each) { return each.identity == identity; });
  return at == done.end() ? nullptr : &*at;
}

Result<void> check(const AccessRecords& records) {
  if (records.version == 0) return bad("they have no version");
  if (records.users.size() > kUsersMax) {
    return too_many("a cluster has at most " + std::to_string(kUsersMax) + " users");
  }
  if (records.roles.size() > kRolesMax) {
    return too_many("a cluster has at most " + std::to_string(kRolesMax) + " roles of its own");
  }
  if (records.done.size() > kDoneChangesMax) return bad("more requests that are done than are kept");
  if (!are_in_order(records.users) || !are_in_order(records.roles)) return bad("names that are out of order, or twice");
  for (const Role& role : records.roles) {
    if (auto good = check(role); !good) return good;
    const auto built_in = built_in_roles();
    if (std::any_of(built_in.begin(), built_in.end(), [&](const Role& each) { return each.name == role.name; })) {
      return bad("role " + role.name + " is built in, and stays as it is");
    }
  }
  std::set<std::string_view> keys;
  std::set<std::uint64_t> numbers;
  std::set<std::string_view> hashes;
  for (const User& user : records.users) {
    if (auto good = check(user, records); !good) return good;
    if (!keys.insert(user.public_key).second) return bad("user " + user.name + " has the key of another one");
    if (!numbers.insert(user.number).second) return bad("user " + user.name + " has the number of another one");
    for (const AccessToken& token : user.tokens) {
      if (!hashes.insert(token.hash).second) return bad("a token of user " + user.name + " is there twice");
    }
  }
  return {};
}

std::string pack(const AccessRecords& records) {
  std::string out;
  PackedWriter writer(out);
  const bool has_done = !records.done.empty();
  writer.array(has_done ? 6 : 5).natural(has_done ? kFormatWithDone : kFormatVersion);
  writer.natural(records.version).natural(records.next_user);
  writer.array(records.users.size());
  for (const User& user : records.users) {
    writer.array(5).str(user.name).natural(user.number).bin(user.public_key).str(user.role);
    writer.array(user.tokens.size());
    for (const AccessToken& token : user.tokens) writer.array(2).bin(token.hash).natural(token.ends_at);
  }
  writer.array(records.roles.size());
  for (const Role& role : records.roles) {
    writer.array(4).str(role.name).natural(static_cast<std::uint64_t>(role.cluster)).boolean(role.speak_for);
    writer.array(role.rules.size());
    for (const AccessRule& rule : role.rules) {
      writer.array(2).bin(rule.prefix).natural((rule.read ? kReadBit : 0) | (rule.write ? kWriteBit : 0));
    }
  }
  if (has_done) writer.array(2 * records.done.size());
  for (const DoneChange& each : records.done) {
    writer.natural(each.identity).natural(static_cast<std::uint64_t>(each.outcome));
  }
  return out;
}

Result<AccessRecords> read_access_records(std::string_view packed) {
  if (packed.size() > kAccessSizeMax + kDoneSizeMax) {
    return bad("they are larger than " + std::to_string(kAccessSizeMax) + " bytes");
  }
  PackedReader reader(packed);
  const auto elements = reader.read_array();
  const auto format = reader.read_uint();
  if (!elements || !format) return bad("there are none");
  const bool has_done = *format == kFormatWithDone;
  if ((!has_done && *format != kFormatVersion) || *elements != (has_done ? 6u : 5u)) {
    return bad("format version " + std::to_string(*format) + "; this program reads " + std::to_string(kFormatWithDone) +
               " and those before");
  }
  AccessRecords records;
  const auto version = reader.read_uint();
  const auto next_user = reader.read_uint();
  const auto users = read_array_up_to(reader, kUsersMax);
  if (!version || !next_user || !users) return bad("their head is broken");
  records.version = *version;
  records.next_user = *next_user;
  for (std::uint32_t i = 0; i < *users; ++i) {
    auto user = read_user(reader);
    if (!user) return bad("a user is broken");
    records.users.push_back(std::move(*user));
  }
  const auto roles = read_array_up_to(reader, kRolesMax);
  if (!roles) return bad("the roles are broken");
  for (std::uint32_t i = 0; i < *roles; ++i) {
    auto role = read_role(reader);
    if (!role) return bad("a role is broken");
    records.roles.push_back(std::move(*role));
  }
  if (has_done && !read_done(reader, records.done)) return bad("the requests that are done are broken");
  if (!reader.at_end()) return bad("bytes after their end");
  if (auto good = check(records); !good) return invalid_argument(good.error().message);
  return records;
}

void pack_role_fields(const Role& role, std::string& out) {
  PackedWriter writer(out);
  writer.str("rules").array(role.rules.size());
  for (const AccessRule& rule : role.rules) {
    writer.map(2).str("prefix").key(rule.prefix).str("allow").array((rule.read ? 1 : 0) + (rule.write ? 1 : 0));
    if (rule.read) writer.str("read");
    if (rule.write) writer.str("write");
  }
  writer.str("cluster");
  role.cluster == ClusterRight::kNone ? writer.nil() : writer.str(name_of(role.cluster));
  writer.str("speak_for").boolean(role.speak_for);
}

bool read_role_field(std::string_view name, PackedReader& reader, Role& role) {
  if (name == "rules") {
    const auto count = reader.read_array();
    if (!count || *count > kRulesMax) return false;
    role.rules.clear();
    for (std::uint32_t each = 0; each < *count; ++each) {
      auto rule = read_rule(reader);
      if (!rule) return false;
      role.rules.push_back(std::move(*rule));
    }
    return true;
  }
  if (name == "cluster") {
    if (reader.read_nil()) return true;
    const auto right = cluster_right_of(read_text(reader).value_or(""));
    if (right) role.cluster = *right;
    return right.has_value();
  }
  if (name != "speak_for") return false;
  const auto value = reader.read_bool();
  if (value) role.speak_for = *value;
  return value.has_value();
}

}  // namespace trellis
