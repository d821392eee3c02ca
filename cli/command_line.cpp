#include "cli/command_line.hpp"

#include <algorithm>

namespace trellis {
namespace {

/// Flags whose value is the next word.
bool takes_value(std::string_view word) {
  return word == "-b" || word == "--broker" || word == "-u" || word == "--user" || word == "--config" ||
         word == "--timeout" || word == "--if-version" || word == "--limit" || word == "--ttl" || word == "--return";
}

/// Flags about the program, not about the command.
bool is_programs(std::string_view word) {
  return word == "-b" || word == "--broker" || word.starts_with("--broker=") || word == "-u" || word == "--user" ||
         word.starts_with("--user=") || word == "--config" || word.starts_with("--config=") || word == "--version" ||
         word == "--no-pager";
}

/// Where the first word is that is neither a flag nor a flag's value.
std::size_t find_command(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") return i + 1;
    if (!words[i].starts_with('-')) return i;
    if (takes_value(words[i])) ++i;
  }
  return words.size();
}

/// `keys init DIR` makes a cluster's key.  Where the folder is forgotten nobody should take a listing for that: keys
/// that begin with init are listed by `keys '"init"'`.
bool makes_keys(const std::vector<std::string>& words, std::size_t command) {
  return words[command] == "keys" && command + 1 < words.size() && words[command + 1] == "init";
}

}  // namespace

CommandLine split_command_line(const std::vector<std::string>& words, std::span<const std::string_view> tools) {
  CommandLine line;
  const std::size_t command = find_command(words);
  if (command >= words.size()) {
    line.flags = words;
    return line;
  }
  if (makes_keys(words, command) || std::find(tools.begin(), tools.end(), words[command]) != tools.end()) {
    line.kind = CommandLine::Kind::kTool;
    line.flags = words;
    return line;
  }
  line.kind = CommandLine::Kind::kCommand;
  bool all_words = false;  // Behind `--`.
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!all_words && word == "--detach" && !line.words.empty() && line.words.front() == "member") {
      line.detach = true;
      continue;
    }
    if (!all_words && word == "--watch" && !line.words.empty() && line.words.front() == "moves") {
      line.watch = true;
      continue;
    }
    if (all_words || !is_programs(word)) {
      line.help = line.help || (!all_words && (word == "--help" || word == "-h"));
      line.json = line.json || (!all_words && word == "--json");
      all_words = all_words || word == "--";
      line.words.push_back(word);
      continue;
    }
    line.flags.push_back(word);
    if (takes_value(word) && i + 1 < words.size()) line.flags.push_back(words[++i]);
  }
  return line;
}

}  // namespace trellis
