#include "client/statement/help.hpp"

#include <algorithm>
#include <vector>

#include "client/statement/foreign_words.hpp"
#include "protocol/spelling.hpp"

namespace trellis {
namespace {

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
    return all;
  }();
  return kAliases;
}

bool writes(std::string_view name) {
  const auto command = command_of(name);
  return command && is_write(*command);
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
         "Behind a command: --timeout MS, --stale (reads), --limit N (KEYS, SCAN), --if-absent, --if-version N\n"
         "(writes), --info (the version too), --json.  A document may go over several lines; # begins a comment.\n"
         "HELP COMMAND says more.  Keys and names with special characters stand in quotes.\n";
}

}  // namespace

std::span<const CommandHelp> command_helps() {
  static const std::vector<CommandHelp> kAll = [] {
    std::vector<CommandHelp> all;
    for (const CommandRow& row : command_rows()) {
      if (!row.shell.usage.empty()) all.push_back({row.name, row.shell});
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
  for (const CommandRow& row : command_rows()) {
    if (row.shell.usage.empty() || row.command == Command::kSet) continue;  // SET is PUT once more.
    std::string words(short_usage(row.shell.usage));
    if (const auto arrow = words.find(" ->"); arrow != std::string::npos) words.erase(arrow, 3);
    words.replace(0, row.name.size(), lower(row.name));
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
