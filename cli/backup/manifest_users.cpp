#include "cli/backup/manifest_users.hpp"

#include "protocol/utf8.hpp"

namespace trellis {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return hex;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto high = kDigits.find(hex[i]);
    const auto low = kDigits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

Json to_json(const AccessRule& rule) {
  Json json = Json::object();
  if (is_utf8(rule.prefix)) {
    json["prefix"] = rule.prefix;
  } else {
    json["prefix_hex"] = to_hex(rule.prefix);
  }
  json["allow"] = Json::array();
  if (rule.read) json["allow"].push_back("read");
  if (rule.write) json["allow"].push_back("write");
  return json;
}

Json to_json(const Role& role) {
  Json json = {{"name", role.name}, {"rules", Json::array()}, {"cluster", nullptr}, {"speak_for", role.speak_for}};
  for (const AccessRule& rule : role.rules) json["rules"].push_back(to_json(rule));
  if (role.cluster != ClusterRight::kNone) json["cluster"] = std::string(name_of(role.cluster));
  return json;
}

Json to_json(const User& user) {
  Json json = {{"name", user.name}, {"key", to_hex(user.public_key)}, {"role", user.role}, {"tokens", Json::array()}};
  for (const AccessToken& token : user.tokens) {
    json["tokens"].push_back({{"hash", to_hex(token.hash)}, {"ends_at", token.ends_at}});
  }
  return json;
}

/// A field that is a text; nothing: there is none.
std::optional<std::string> text(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? std::optional(at->get<std::string>()) : std::nullopt;
}

/// A field that is an array, with no more elements than there can be; null: there is none.
const Json* array(const Json& object, const char* name, std::size_t most) {
  const auto at = object.find(name);
  return at != object.end() && at->is_array() && at->size() <= most ? &*at : nullptr;
}

std::optional<std::string> bytes(const Json& object, const char* name) {
  const auto hex = text(object, name);
  return hex ? from_hex(*hex) : std::nullopt;
}

std::optional<AccessRule> read_rule(const Json& json) {
  AccessRule rule;
  const auto prefix = json.contains("prefix") ? text(json, "prefix") : bytes(json, "prefix_hex");
  const Json* const allow = array(json, "allow", 2);
  if (!prefix || allow == nullptr) return std::nullopt;
  rule.prefix = *prefix;
  for (const Json& right : *allow) {
    if (right != "read" && right != "write") return std::nullopt;
    (right == "read" ? rule.read : rule.write) = true;
  }
  return rule;
}

std::optional<Role> read_role(const Json& json) {
  Role role;
  const auto name = text(json, "name");
  const Json* const rules = array(json, "rules", kRulesMax);
  const auto cluster = json.find("cluster");
  const auto speak_for = json.find("speak_for");
  const bool is_whole = name && rules != nullptr && cluster != json.end() && speak_for != json.end();
  if (!is_whole || !speak_for->is_boolean()) return std::nullopt;
  role.name = *name;
  role.speak_for = speak_for->get<bool>();
  for (const Json& each : *rules) {
    auto rule = read_rule(each);
    if (!rule) return std::nullopt;
    role.rules.push_back(std::move(*rule));
  }
  if (cluster->is_null()) return role;
  for (const auto right : {ClusterRight::kRead, ClusterRight::kOperate, ClusterRight::kAdmin}) {
    if (*cluster == std::string(name_of(right))) role.cluster = right;
  }
  return role.cluster == ClusterRight::kNone ? std::nullopt : std::optional(std::move(role));
}

std::optional<User> read_user(const Json& json) {
  User user;
  const auto name = text(json, "name");
  const auto role = text(json, "role");
  const auto key = bytes(json, "key");
  const Json* const tokens = array(json, "tokens", kTokensMax);
  if (!name || !role || !key || tokens == nullptr) return std::nullopt;
  user.name = *name;
  user.role = *role;
  user.public_key = *key;
  for (const Json& each : *tokens) {
    const auto hash = each.is_object() ? bytes(each, "hash") : std::nullopt;
    const auto ends_at = each.is_object() ? each.find("ends_at") : each.end();
    if (!hash || ends_at == each.end() || !ends_at->is_number_unsigned()) return std::nullopt;
    user.tokens.push_back({*hash, ends_at->get<std::uint64_t>()});
  }
  return user;
}

}  // namespace

Json to_json(const AccessRecords& users) {
  Json json = {{"roles", Json::array()}, {"users", Json::array()}};
  for (const Role& role : users.roles) json["roles"].push_back(to_json(role));
  for (const User& user : users.users) json["users"].push_back(to_json(user));
  return json;
}

Result<AccessRecords> read_users(const Json& json) {
  const Json* const roles = json.is_object() ? array(json, "roles", kRolesMax) : nullptr;
  const Json* const users = json.is_object() ? array(json, "users", kUsersMax) : nullptr;
  if (roles == nullptr || users == nullptr) return invalid_argument("arrays `roles` and `users` are missing");
  AccessRecords records;
  records.version = 1;
  for (const Json& each : *roles) {
    auto role = each.is_object() ? read_role(each) : std::nullopt;
    if (!role) return invalid_argument("role " + std::to_string(records.roles.size()) + " is not what it can be");
    records.roles.push_back(std::move(*role));
  }
  for (const Json& each : *users) {
    auto user = each.is_object() ? read_user(each) : std::nullopt;
    if (!user) return invalid_argument("user " + std::to_string(records.users.size()) + " is not what it can be");
    user->number = records.next_user++;
    records.users.push_back(std::move(*user));
  }
  if (auto good = check(records); !good) return good.error();
  return records;
}

}  // namespace trellis
