#include "client/completion.hpp"

#include <algorithm>
#include <cctype>

#include "protocol/notation.hpp"

namespace trellis {
namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::toupper(c); });
  return result;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

/// Where the word at the end of `line` begins; a blank in quotes belongs to its word.
std::size_t word_begin(std::string_view line) {
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && quoted) {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ' ' && !quoted) {
      begin = i + 1;
    }
  }
  return begin;
}

/// The longest text that all begin with, cut before a character that is only half in it.
std::string common_prefix(const std::vector<std::string>& texts) {
  std::string common = texts.front();
  for (const std::string& text : texts) {
    const auto [at, other] = std::mismatch(common.begin(), common.end(), text.begin(), text.end());
    const std::size_t size = static_cast<std::size_t>(at - common.begin());
    const bool cut = size < common.size() && (static_cast<unsigned char>(common[size]) & 0xc0) == 0x80;
    common.resize(size);
    while (cut && !common.empty()) {
      const auto last = static_cast<unsigned char>(common.back());
      common.pop_back();
      if ((last & 0xc0) == 0xc0) break;
    }
  }
  return common;
}

/// Replaces `word` by what all candidates have in common; a single one is finished with `end`.
Completion choose(std::string_view word, std::vector<std::string> candidates, std::string_view end) {
  Completion completion;
  if (candidates.empty()) return completion;
  std::string common = common_prefix(candidates);
  if (candidates.size() == 1) common += end;
  if (common.size() > word.size() || candidates.size() == 1) {
    completion.replace = word.size();
    completion.insert = std::move(common);
  }
  completion.candidates = std::move(candidates);
  return completion;
}

/// Names in the case that is being typed.
Completion complete_command(std::string_view word, const std::vector<std::string>& commands) {
  const bool in_lower_case = !word.empty() && std::islower(static_cast<unsigned char>(word.front())) != 0;
  std::vector<std::string> candidates;
  for (const std::string& command : commands) {
    if (command.starts_with(upper(word))) candidates.push_back(in_lower_case ? lower(command) : command);
  }
  return choose(word, std::move(candidates), " ");
}

Completion complete_key(std::string_view word, bool is_path, const FindKeys& find_keys) {
  std::string prefix(word);
  if (word.starts_with('"')) {
    // Closed by us, the half word reads as a whole one.
    std::size_t position = 0;
    const std::string closed = prefix + '"';
    const auto read = read_key(closed, position);
    if (!read || position != closed.size()) return {};
    prefix = read->bytes;
  }
  std::vector<std::string> candidates;
  for (const std::string& key : find_keys(prefix)) candidates.push_back(print_key(key));
  // What is quoted and what is not have no prefix in common: where the choice is mixed, all are quoted.
  const auto quoted = [](const std::string& text) { return text.starts_with('"'); };
  if (word.starts_with('"') || std::any_of(candidates.begin(), candidates.end(), quoted)) {
    for (std::string& text : candidates) {
      if (!quoted(text)) text = '"' + text + '"';
    }
  }
  return choose(word, std::move(candidates), is_path ? "" : " ");
}

}  // namespace

Completion complete(std::string_view line, const std::vector<std::string>& commands, const FindKeys& find_keys) {
  const std::size_t first = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t begin = std::max(word_begin(line), first);
  const std::string_view word = line.substr(begin);
  if (begin == first) return complete_command(word, commands);
  const std::string command = upper(line.substr(first, line.find(' ', first) - first));
  if (command == "HELP") return complete_command(word, commands);
  return complete_key(word, command == "QUERY" || command == "COMPUTE", find_keys);
}

}  // namespace trellis
