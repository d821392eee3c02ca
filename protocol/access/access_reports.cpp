#include "protocol/access/access_reports.hpp"

#include <algorithm>
#include <optional>

#include "protocol/check.hpp"
#include "protocol/lenient.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

Error broken(const char* what) { return invalid_argument(std::string("a list of ") + what + " has another form"); }

void pack_role_report(const Role& role, bool is_built_in, std::string& out) {
  PackedWriter(out).map(5).str("name").str(role.name).str("built_in").boolean(is_built_in);
  pack_role_fields(role, out);
}

/// Fields that are not known are passed over.
std::optional<User> read_user_report(PackedReader& reader) {
  const auto fields = read_fields(reader);
  if (!fields) return std::nullopt;
  User user;
  std::vector<std::uint64_t> ends;
  std::vector<std::string> hashes;
  for (std::uint32_t i = 0; i < *fields; ++i) {
    const auto name = read_text(reader);
    if (name == "tokens" || name == "token_hashes") {
      const auto count = reader.read_array();
      if (!count || *count > kTokensMax) return std::nullopt;
      for (std::uint32_t each = 0; each < *count; ++each) {
        if (name == "tokens") ends.push_back(read_whole(reader).value_or(0));
        if (name == "token_hashes") hashes.emplace_back(reader.read_bytes().value_or(std::string_view()));
      }
      continue;
    }
    const auto value = reader.read_value();
    if (!name || !value) return std::nullopt;
    const auto text = [&] { return std::string(PackedReader(*value).read_bytes().value_or(std::string_view())); };
    if (name == "name") user.name = text();
    if (name == "role") user.role = text();
    if (name == "key") user.public_key = text();
  }
  if (ends.size() != hashes.size()) return std::nullopt;
  for (std::size_t i = 0; i < ends.size(); ++i) user.tokens.push_back({hashes[i], ends[i]});
  return user;
}

/// @param is_built_in  set to what the report says
std::optional<Role> read_role_report(PackedReader& reader, bool& is_built_in) {
  const auto fields = read_fields(reader);
  if (!fields) return std::nullopt;
  Role role;
  for (std::uint32_t i = 0; i < *fields; ++i) {
    const auto name = read_text(reader);
    if (!name) return std::nullopt;
    if (*name == "name") {
      role.name = std::string(reader.read_bytes().value_or(std::string_view()));
    } else if (*name == "built_in") {
      is_built_in = reader.read_bool().value_or(false);
    } else if (!read_role_field(*name, reader, role)) {
      return std::nullopt;
    }
  }
  return role;
}

template <typename Named>
bool comes_first(const Named& one, const Named& other) {
  return one.name < other.name;
}

}  // namespace

std::string pack_access_report(const AccessRecords& records, Command command) {
  std::string out;
  PackedWriter writer(out);
  if (command == Command::kUserList) {
    writer.array(records.users.size());
    for (const User& user : records.users) {
      writer.map(5).str("name").str(user.name).str("role").str(user.role).str("key").bin(user.public_key);
      writer.str("tokens").array(user.tokens.size());
      for (const AccessToken& token : user.tokens) writer.natural(token.ends_at);
      writer.str("token_hashes").array(user.tokens.size());
      for (const AccessToken& token : user.tokens) writer.bin(token.hash);
    }
    return out;
  }
  CHECK(command == Command::kRoleList);
  writer.array(built_in_roles().size() + records.roles.size());
  for (const Role& role : built_in_roles()) pack_role_report(role, true, out);
  for (const Role& role : records.roles) pack_role_report(role, false, out);
  return out;
}

Result<AccessRecords> read_access_reports(std::string_view users, std::string_view roles) {
  AccessRecords records;
  records.version = 1;
  PackedReader user_reader(users);
  auto left = user_reader.read_array();
  if (!left) return broken("users");
  for (; *left > 0; --*left) {
    auto user = read_user_report(user_reader);
    if (!user) return broken("users");
    user->number = records.next_user++;
    records.users.push_back(std::move(*user));
  }
  PackedReader role_reader(roles);
  left = role_reader.read_array();
  if (!left) return broken("roles");
  for (; *left > 0; --*left) {
    bool is_built_in = false;
    auto role = read_role_report(role_reader, is_built_in);
    if (!role) return broken("roles");
    if (!is_built_in) records.roles.push_back(std::move(*role));
  }
  std::sort(records.users.begin(), records.users.end(), comes_first<User>);
  std::sort(records.roles.begin(), records.roles.end(), comes_first<Role>);
  if (auto good = check(records); !good) return good.error();
  return records;
}

}  // namespace trellis
