#include "client/help.hpp"

#include "client/foreign_words.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

namespace trellis {
namespace {

constexpr std::string_view kRecordForms =
    "  PUT person1 -> [ name -> \"John\" | age -> 22 ]\n"
    "  PUT person1 : { name : \"John\" ; age : 22 }\n"
    "  PUT person1 {\"name\": \"John\", \"age\": 22}\n"
    "  PUT {\"person1\": {\"name\": \"John\", \"age\": 22}}\n"
    "--if-absent     only where the key is not there yet\n"
    "--if-version N  only where the document has this version, as GET KEY --info tells it\n";

constexpr std::array kHelps = {
    CommandHelp{"PUT", "PUT KEY -> DOCUMENT", "stores a document, in any notation", kRecordForms},
    CommandHelp{"SET", "SET KEY VALUE", "the same as PUT, for short values",
                "  SET k 12\n  SET k \"some text\"\n  SET k word\n"
                "A bare word is a string here.  --if-absent and --if-version N as with PUT.\n"},
    CommandHelp{"GET", "GET KEY", "prints a record",
                "--stale  from any replica, perhaps not the newest\n--info   its version too, for --if-version\n"},
    CommandHelp{"HAS", "HAS KEY", "true or false: whether the key is there", ""},
    CommandHelp{"DELETE", "DELETE KEY", "removes a record", "--if-version N  only where it has this version\n"},
    CommandHelp{"POP", "POP KEY", "prints a record and removes it, in one step", ""},
    CommandHelp{
        "QUERY", "QUERY PATH", "prints the part of a document at a path",
        "  QUERY person2.address.number\n  QUERY \"my.key\".list.0\n"
        "Names with special characters stand in quotes.  Bare digits are a position in a list, or the key with\n"
        "those digits; quoted digits are always a key.\n"},
    CommandHelp{
        "COMPUTE", "COMPUTE EXPRESSION [WHERE x = QUERY PATH [AND y = QUERY PATH ...]]",
        "evaluates a formula over stored numbers",
        "  COMPUTE 2*(x+3) WHERE x = QUERY person2.address.number\n"
        "+ - * / ^, parentheses, sin, cos, tan (radians), log (base 10), ln, exp, sqrt, abs, min, max, pi, e.\n"},
    CommandHelp{"KEYS", "KEYS [PREFIX]", "the keys, in byte order",
                "LIST KEYS and LIST_KEYS are the same.\n--limit N  the first N alone\n"},
    CommandHelp{"SCAN", "SCAN [PREFIX]", "the records, in byte order of their keys", "--limit N  the first N alone\n"},
    CommandHelp{"COUNT", "COUNT [PREFIX]", "the number of keys", ""},
    CommandHelp{"MEMBERS", "MEMBERS", "the workers, and how they are", "LIST MEMBERS and LIST_MEMBERS are the same.\n"},
    CommandHelp{"LOCATE", "LOCATE KEY", "the partition, leader and replicas of a key", ""},
    CommandHelp{"STATUS", "STATUS", "the cluster: its size, k, what it tolerates", ""},
    CommandHelp{"PING", "PING", "PONG, from the broker alone", ""},
    CommandHelp{"HELP", "HELP [COMMAND]", "this text, or more on one command", ""},
    CommandHelp{"EXIT", "EXIT", "ends the shell; so do QUIT and Ctrl-D", ""},
};

struct Alias {
  std::string_view typed;
  std::string_view name;
};
constexpr std::array kAliases = {Alias{"LIST KEYS", "KEYS"}, Alias{"LIST_KEYS", "KEYS"},
                                 Alias{"LIST MEMBERS", "MEMBERS"}, Alias{"LIST_MEMBERS", "MEMBERS"},
                                 Alias{"QUIT", "EXIT"}};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

/// Levenshtein, with a swap of neighbours as one edit.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), 0u);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

bool writes(std::string_view command) {
  constexpr std::array<std::string_view, 4> kWrites = {"PUT", "SET", "DELETE", "POP"};
  return std::find(kWrites.begin(), kWrites.end(), command) != kWrites.end();
}

std::string list_of_commands() {
  std::size_t width = 0;
  const auto shown = [](const CommandHelp& help) {
    return help.usage.substr(0, std::min(help.usage.size(), help.usage.find(" [WHERE")));
  };
  for (const CommandHelp& help : kHelps) width = std::max(width, shown(help).size());
  std::string out;
  for (const CommandHelp& help : kHelps) {
    out.append(shown(help)).append(width - shown(help).size() + 2, ' ').append(help.summary).append("\n");
  }
  return out +
         "Behind a command: --timeout MS, --stale (reads), --limit N (KEYS, SCAN), --if-absent, --if-version N\n"
         "(writes), --info (the version too), --json.  A document may go over several lines; # begins a comment.\n"
         "HELP COMMAND says more.  Keys and names with special characters stand in quotes.\n";
}

}  // namespace

std::span<const CommandHelp> command_helps() { return kHelps; }

Result<std::string> help_text(std::string_view command) {
  if (command.empty()) return list_of_commands();
  std::string name = upper(command);
  for (const Alias& alias : kAliases) {
    if (alias.typed == name) name = alias.name;
  }
  for (const CommandHelp& help : kHelps) {
    if (help.name != name) continue;
    return std::string(help.usage).append("\n").append(help.summary).append("\n").append(help.details);
  }
  return invalid_argument("there is no command " + name.substr(0, 64) + "; " + advice_on(name));
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
  for (const CommandHelp& help : kHelps) consider(help.name);
  for (const Alias& alias : kAliases) consider(alias.typed);
  return nearest;
}

}  // namespace trellis
