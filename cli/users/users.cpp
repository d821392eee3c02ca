#include "cli/users/users.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <map>

#include "client/client.hpp"
#include "client/statement/printer.hpp"
#include "program/key_file.hpp"
#include "program/settings.hpp"
#include "program/token/token.hpp"
#include "protocol/access/access_records.hpp"
#include "protocol/json.hpp"
#include "protocol/lifetime.hpp"
#include "protocol/notation/notation_text.hpp"

namespace trellis {
namespace {

constexpr const char* kTokenLifetime = "90d";

std::string name_problem(const std::string& name) {
  return is_access_name(name) ? ""
                              : "a name has 1 to " + std::to_string(kAccessNameSizeMax) +
                                    " letters, digits, dots, hyphens and underscores, not " + quoted_excerpt(name);
}

int fail(Code code, const std::string& why) {
  report_failure("trellis", why);
  return exit_code_of(code);
}

class Tool {
 public:
  explicit Tool(const UserToolSettings& settings)
      : settings_(settings), client_(settings.endpoints, Client::Absent::kTell, settings.user) {}

  Answer ask(Command command, const std::string& arguments) {
    Options options;
    options.timeout = settings_.timeout;
    return client_.call(command, arguments, options);
  }
  /// A change: nothing is said where it is done.
  int change(Command command, const std::string& arguments) {
    const Answer answer = ask(command, arguments);
    return answer.reply.status == Code::kOk ? kExitDone : fail(answer.reply.status, answer.reply.info.message);
  }
  /// @param line  of one element of the array that is listed; nothing: it is not as it should be
  int list(Command command, std::optional<std::string> (*line)(PackedReader&)) {
    const Answer answer = ask(command, std::string(1, '\x90'));
    if (answer.reply.status != Code::kOk) return fail(answer.reply.status, answer.reply.info.message);
    if (settings_.json) {
      std::printf("%s\n", to_json(answer.reply.result).c_str());
      return kExitDone;
    }
    PackedReader reader(answer.reply.result);
    for (auto left = reader.read_array().value_or(0); left > 0; --left) {
      const auto text = line(reader);
      if (!text) return fail(Code::kInternal, "the reply has another form");
      std::printf("%s\n", text->c_str());
    }
    return kExitDone;
  }

 private:
  const UserToolSettings& settings_;
  Client client_;
};

/// The fields of a map by their names, packed; nothing: it is no map of str.
std::optional<std::map<std::string, std::string_view>> read_map_of(PackedReader& reader) {
  const auto count = reader.read_map();
  if (!count) return std::nullopt;
  std::map<std::string, std::string_view> fields;
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto name = reader.read_str();
    const auto value = reader.read_value();
    if (!name || !value) return std::nullopt;
    fields[std::string(*name)] = *value;
  }
  return fields;
}

std::string text_of(std::string_view packed) {
  return std::string(PackedReader(packed).read_bytes().value_or(std::string_view()));
}

/// ada  reader, 2 tokens
std::optional<std::string> user_line(PackedReader& reader) {
  auto fields = read_map_of(reader);
  if (!fields) return std::nullopt;
  std::string line = text_of((*fields)["name"]) + "  " + text_of((*fields)["role"]);
  const auto tokens = PackedReader((*fields)["tokens"]).read_array().value_or(0);
  if (tokens > 0) line += ", " + std::to_string(tokens) + (tokens == 1 ? " token" : " tokens");
  return line;
}

/// analysts  read "reports:", read and write "shared:"
std::optional<std::string> role_line(PackedReader& reader) {
  auto fields = read_map_of(reader);
  if (!fields) return std::nullopt;
  std::string allowed;
  const auto add = [&allowed](const std::string& what) { allowed += (allowed.empty() ? "" : ", ") + what; };
  PackedReader rules((*fields)["rules"]);
  for (auto left = rules.read_array().value_or(0); left > 0; --left) {
    auto rule = read_map_of(rules);
    if (!rule) return std::nullopt;
    PackedReader allow((*rule)["allow"]);
    std::string what;
    for (auto rights = allow.read_array().value_or(0); rights > 0; --rights) {
      what += (what.empty() ? "" : " and ") + std::string(allow.read_str().value_or(""));
    }
    const std::string prefix = text_of((*rule)["prefix"]);
    add(what + " " + (prefix.empty() ? "all keys" : quoted_excerpt(prefix)));
  }
  if (const std::string cluster = text_of((*fields)["cluster"]); !cluster.empty()) add(cluster + " the cluster");
  if (PackedReader((*fields)["speak_for"]).read_bool().value_or(false)) add("speak for others");
  if (PackedReader((*fields)["built_in"]).read_bool().value_or(false)) add("built in");
  return text_of((*fields)["name"]) + "  " + allowed;
}

std::string names(std::initializer_list<std::string_view> all) {
  std::string out;
  PackedWriter writer(out);
  writer.array(all.size());
  for (const auto each : all) writer.str(each);
  return out;
}

/// The key in the file, which is made where it is missing: so an addition whose outcome is unknown can be repeated.
Result<UserKey> key_for(const std::string& path, const std::string& name, const std::string& server_key, bool& is_new) {
  auto known = load_user_key(path);
  is_new = !known && known.error().code == Code::kNotFound;
  if (!is_new) return known;
  auto made = make_user_key(server_key);
  if (!made) return made;
  if (auto saved = save_secret(write_user_key(*made, name), path); !saved) return saved.error();
  return made;
}

int add_user(const UserFlags& flags, const UserToolSettings& settings) {
  if (!settings.user) {
    return fail(Code::kUnauthenticated,
                "who adds users has to be one: give an administrator's file with -u (`trellis keys init` makes it)");
  }
  const std::string path = flags.file.empty() ? flags.name + ".user" : flags.file;
  bool is_new = false;
  const auto key = key_for(path, flags.name, settings.user->server_key, is_new);
  if (!key) return fail(key.error().code, key.error().message);
  std::string arguments;
  PackedWriter(arguments).array(3).str(flags.name).bin(key_bytes(key->public_key)).str(flags.role);
  const Answer answer = Tool(settings).ask(Command::kUserAdd, arguments);
  if (answer.reply.status != Code::kOk) {
    const bool is_unknown = answer.reply.status == Code::kDeadlineExceeded;
    if (is_new && !is_unknown) ::unlink(path.c_str());
    return fail(answer.reply.status, answer.reply.info.message + (is_unknown ? "; the same command again tells" : ""));
  }
  std::printf("%s\n", path.c_str());
  std::fprintf(stderr, "trellis: %s shows this key with -u %s; keep it secret\n", flags.name.c_str(), path.c_str());
  return kExitDone;
}

/// Prints the token; the cluster keeps its hash alone.
int give_token(const UserFlags& flags, Tool& tool) {
  std::string arguments;
  PackedWriter writer(arguments);
  if (flags.none) {
    writer.array(2).str(flags.name).nil();
    return tool.change(Command::kUserToken, arguments);
  }
  const auto token = make_token();
  if (!token) return fail(token.error().code, token.error().message);
  const std::uint64_t seconds =
      lifetime_of(flags.lifetime.empty() ? kTokenLifetime : flags.lifetime).value_or(0) / 1'000;
  writer.array(3).str(flags.name).bin(token_hash(*token));
  writer.natural(static_cast<std::uint64_t>(std::time(nullptr)) + seconds);
  const int code = tool.change(Command::kUserToken, arguments);
  if (code != kExitDone) return code;
  std::printf("%s\n", token->c_str());
  std::fprintf(stderr,
               "trellis: Authorization: Bearer TOKEN shows it over HTTP; it is kept nowhere, and not shown again\n");
  return kExitDone;
}

std::string role_arguments(const UserFlags& flags) {
  std::map<std::string, AccessRule> rules;
  for (const std::string& prefix : flags.read) rules[prefix].read = true;
  for (const std::string& prefix : flags.write) rules[prefix].write = true;
  Role role{flags.name, {}, ClusterRight::kNone, flags.speak_for};
  for (auto& [prefix, rule] : rules) {
    rule.prefix = prefix;
    role.rules.push_back(rule);
  }
  for (const auto right : {ClusterRight::kRead, ClusterRight::kOperate, ClusterRight::kAdmin}) {
    if (flags.cluster == name_of(right)) role.cluster = right;
  }
  std::string out;
  PackedWriter(out).array(2).str(role.name).map(3);
  pack_role_fields(role, out);
  return out;
}

CLI::Option* add_name(CLI::App* app, UserFlags& flags, const char* what) {
  return app->add_option("NAME", flags.name, what)->required()->check(name_problem);
}

}  // namespace

CLI::App* add_user_tool(CLI::App& app, UserFlags& flags) {
  CLI::App* user = app.add_subcommand("user", "`user add|remove|role|list`: who may use the cluster");
  user->require_subcommand(1);
  CLI::App* add = user->add_subcommand("add", "Add a user, and write the file that shows who it is");
  add_name(add, flags, "Its name");
  add->add_option("--role", flags.role, "What it may do: reader, writer, operator, admin, gateway, or one of your own")
      ->required()
      ->check(name_problem);
  add->add_option("-o,--output", flags.file, "Where its file is written (default NAME.user)")->type_name("FILE");
  CLI::App* remove = user->add_subcommand("remove", "Remove a user; its connections end within a second");
  add_name(remove, flags, "Its name");
  CLI::App* role = user->add_subcommand("role", "Give a user another role");
  add_name(role, flags, "Its name");
  role->add_option("ROLE", flags.role, "The role")->required()->check(name_problem);
  CLI::App* token = user->add_subcommand("token", "Print a new token, by which HTTP knows the user");
  add_name(token, flags, "Its name");
  token->add_option("--for", flags.lifetime, "How long it holds: 30d, 12h (default 90d)")
      ->type_name("TIME")
      ->check([](const std::string& text) {
        return lifetime_of(text) ? std::string()
                                 : "a time is a number with ms, s, m, h or d behind it, not " + quoted_excerpt(text);
      });
  token->add_flag("--none", flags.none, "Take all its tokens away instead");
  user->add_subcommand("list", "All users, with their roles");
  user->footer(R"(
All of these are for administrators: give one's file with -u. `trellis keys init DIR` makes the first.

Examples:
  trellis user add ada --role reader -u keys/admin.user      writes ada.user, readable for you alone
  trellis get person1 -u ada.user
  trellis user role ada writer -u keys/admin.user
  trellis user token ada --for 30d -u keys/admin.user        for HTTP
  trellis user remove ada -u keys/admin.user)");
  return user;
}

CLI::App* add_role_tool(CLI::App& app, UserFlags& flags) {
  CLI::App* role = app.add_subcommand("role", "`role set|remove|list`: what users may do");
  role->require_subcommand(1);
  CLI::App* set = role->add_subcommand("set", "Say what a role allows, in place of what it did");
  add_name(set, flags, "Its name");
  set->add_option("--read", flags.read, "Read the keys that begin so; repeat it for several, \"\" is all keys")
      ->type_name("PREFIX")
      ->allow_extra_args(false);
  set->add_option("--write", flags.write, "Write them; most writes tell what was there, and need --read as well")
      ->type_name("PREFIX")
      ->allow_extra_args(false);
  set->add_option("--cluster", flags.cluster, "read (MEMBERS, STATUS), operate (settings, removals) or admin (users)")
      ->check(CLI::IsMember({"read", "operate", "admin"}))
      ->type_name("RIGHT");
  set->add_flag("--speak-for", flags.speak_for, "Say for which other user it asks, as a gateway does");
  CLI::App* remove = role->add_subcommand("remove", "Remove a role that no user has");
  add_name(remove, flags, "Its name");
  role->add_subcommand("list", "All roles, and what each allows");
  role->footer(R"(
Examples:
  trellis role set analysts --read reports: --read shared: --write shared: -u keys/admin.user
  trellis role list -u keys/admin.user)");
  return role;
}

int run_user_tool(const CLI::App& tool, const UserFlags& flags, const UserToolSettings& settings) {
  if (tool.got_subcommand("add")) return add_user(flags, settings);
  Tool asked(settings);
  if (tool.got_subcommand("remove")) return asked.change(Command::kUserRemove, names({flags.name}));
  if (tool.got_subcommand("role")) return asked.change(Command::kUserRole, names({flags.name, flags.role}));
  if (tool.got_subcommand("token")) return give_token(flags, asked);
  return asked.list(Command::kUserList, user_line);
}

int run_role_tool(const CLI::App& tool, const UserFlags& flags, const UserToolSettings& settings) {
  Tool asked(settings);
  if (tool.got_subcommand("set")) return asked.change(Command::kRoleSet, role_arguments(flags));
  if (tool.got_subcommand("remove")) return asked.change(Command::kRoleRemove, names({flags.name}));
  return asked.list(Command::kRoleList, role_line);
}

}  // namespace trellis
