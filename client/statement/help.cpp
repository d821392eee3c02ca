#include "client/statement/help.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "client/statement/foreign_words.hpp"
#include "protocol/spelling.hpp"

namespace trellis {
namespace {

constexpr CommandHelp kChanges[] = {
    {"INCREMENT",
     {"INCREMENT PATH [BY N]", "adds to a number in a document, and prints what it is then",
      "  INCREMENT person2.visits\n  INCREMENT person2.balance BY -2.5\n"
      "What is missing counts as 0, and is made.  A key alone is a document that is a number.  INCR is the same.\n"}},
    {"APPEND",
     {"APPEND PATH VALUE", "adds a value at the end of a list, and prints how long it is then",
      "  APPEND person2.tags \"x\"\nA missing list is made.  POP person2.tags.0 takes the first element.\n"}},
    {"MERGE",
     {"MERGE PATH VALUE", "merges maps: null removes a field, all else is put in its place (RFC 7396)",
      "  MERGE person2 {\"age\": 33, \"old\": null}\n"}},
};
constexpr CommandHelp kPersist{"PERSIST", {"PERSIST KEY", "has a record stay for good", ""}};
constexpr CommandHelp kHelp{"HELP", {"HELP [COMMAND]", "this text, or more on one command", ""}};
constexpr CommandHelp kExit{"EXIT", {"EXIT", "ends the shell; so do QUIT and Ctrl-D", ""}};

struct Alias {
  std::string typed;
  std::string_view name;
};

const std::vector<Alias>& aliases() {
  static const std::vector<Alias> kAliases = [] {
    std::vector<Alias> all;
    for (const CommandRow& row : command_rows()) {
      if (!row.shell.takes_list) continue;
      all.push_back({"LIST " + std::string(row.name), row.name});
      all.push_back({"LIST_" + std::string(row.name), row.name});
    }
    all.push_back({"QUIT", kExit.name});
    all.push_back({"INCR", kChanges[0].name});
    return all;
  }();
  return kAliases;
}

bool writes(std::string_view name) {
  const auto command = command_of(name);
  const auto has_name = [name](const CommandHelp& change) { return change.name == name; };
  if (name == kPersist.name) return true;
  return command ? is_write(*command) : std::any_of(std::begin(kChanges), std::end(kChanges), has_name);
}

/// Without what would make the list too wide.
std::string_view short_usage(std::string_view usage) { return usage.substr(0, usage.find(" [WHERE")); }

std::string list_of_commands() {
  std::size_t width = 0;
  for (const CommandHelp& help : command_helps()) width = std::max(width, short_usage(help.form.usage).size());
  std::string out;
  for (const CommandHelp& help : command_helps()) {
    const std::string_view usage = short_usage(help.form.usage);
    out.append(usage).append(width - usage.size() + 2, ' ').append(help.form.summary).append("\n");
  }
  return out +
         "Behind a command: --timeout MS, --stale (reads), --limit N (KEYS, SCAN), --if-absent, --if-present,\n"
         "--if-version N, --ttl TIME (writes), --info (the version too), --json.  A document may go over several "
         "lines; # begins a "
         "comment.\n"
         "HELP COMMAND says more.  Keys and names with special characters stand in quotes.\n";
}

}  // namespace

std::span<const CommandHelp> command_helps() {
  static const std::vector<CommandHelp> kAll = [] {
    std::vector<CommandHelp> all;
    for (const CommandRow& row : command_rows()) {
      if (!row.shell.usage.empty()) all.push_back({row.name, row.shell});
      if (row.command == Command::kExpire) all.push_back(kPersist);
      if (row.command == Command::kPatch) all.insert(all.end(), std::begin(kChanges), std::end(kChanges));
    }
    all.push_back(kHelp);
    all.push_back(kExit);
    return all;
  }();
  return kAll;
}

Result<std::string> help_text(std::string_view command) {
  if (command.empty()) return list_of_commands();
  std::string name = upper(command);
  for (const Alias& alias : aliases()) {
    if (alias.typed == name) name = alias.name;
  }
  for (const CommandHelp& help : command_helps()) {
    if (help.name != name) continue;
    const ShellForm& form = help.form;
    return std::string(form.usage).append("\n").append(form.summary).append("\n").append(form.details);
  }
  return invalid_argument("there is no command " + name.substr(0, 64) + "; " + advice_on(name));
}

std::string one_shot_commands() {
  constexpr std::size_t kLineSizeMax = 100;
  std::string out;
  std::string line;
  for (const CommandHelp& help : command_helps()) {
    if (help.name == "SET" || help.name == kHelp.name || help.name == kExit.name) continue;  // SET is PUT once more.
    std::string words(short_usage(help.form.usage));
    if (const auto arrow = words.find(" ->"); arrow != std::string::npos) words.erase(arrow, 3);
    words.replace(0, help.name.size(), lower(help.name));
    if (line.size() + words.size() > kLineSizeMax) {
      out += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "  " : "   ") + words;
  }
  return out + line + "\n";
}

std::string_view nearest_command(std::string_view word) {
  constexpr std::size_t kLongest = 32;  // Beyond that the distance says nothing, but takes time.
  const std::string name = upper(word.substr(0, kLongest));
  std::string_view nearest;
  std::size_t least = SIZE_MAX;
  const auto consider = [&](std::string_view typed) {
    const std::size_t distance = edit_distance(name, typed);
    const std::size_t most = writes(typed) ? 1 : std::max<std::size_t>(1, name.size() / 2);
    if (distance > most || distance >= least) return;
    least = distance;
    nearest = typed;
  };
  for (const CommandHelp& help : command_helps()) consider(help.name);
  for (const Alias& alias : aliases()) consider(alias.typed);
  return nearest;
}

}  // namespace trellis
