#include "cli/shell/completion.hpp"

#include <algorithm>
#include <cctype>

#include "client/statement/statement_form.hpp"
#include "protocol/command_table.hpp"
#include "protocol/notation/notation.hpp"
#include "protocol/spelling.hpp"

namespace trellis {
namespace {

/// Behind it stand paths, not keys alone.
bool takes_paths(std::string_view command_name) {
  const auto found = find_form(command_name, "");
  if (!found || found->form.kind != Statement::Kind::kRequest) return false;
  const Signature signature = found->form.signature();
  return signature == Signature::kPath || signature == Signature::kFormula || takes_path_too(found->form);
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

/// Where the step of a path that is being typed begins: behind the last dot that is not in quotes.  npos: it is the
/// key.
std::size_t last_step(std::string_view path) {
  std::size_t dot = std::string_view::npos;
  bool quoted = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\' && quoted) {
      ++i;
    } else if (path[i] == '"') {
      quoted = !quoted;
    } else if (path[i] == '.' && !quoted) {
      dot = i;
    }
  }
  return dot;
}

/// A key as the shell reads it; a colon at its end would be the record's.
std::string typed_key(const std::string& key) {
  const bool is_bare = !key.empty() && std::all_of(key.begin(), key.end(), is_plain) && key.find("->") == key.npos &&
                       !key.starts_with("--") && !key.ends_with(':');
  return is_bare ? key : print_key(key);
}

/// Names and keys as they are typed: where the choice is mixed, all are quoted, since what is quoted and what is not
/// have no prefix in common.
void quote_alike(std::string_view word, std::vector<std::string>& candidates) {
  const auto quoted = [](const std::string& text) { return text.starts_with('"'); };
  if (!word.starts_with('"') && std::none_of(candidates.begin(), candidates.end(), quoted)) return;
  for (std::string& text : candidates) {
    if (!quoted(text)) text = '"' + text + '"';
  }
}

Completion complete_step(std::string_view path, std::string_view step, const Lookup& lookup) {
  std::vector<std::string> candidates;
  for (const std::string& name : lookup.fields(path)) {
    const bool is_digits = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
    std::string typed = is_digits ? '"' + name + '"' : print_key(name);
    const std::string_view bare = typed.starts_with('"') ? std::string_view(typed).substr(1) : typed;
    if (typed.starts_with(step) || bare.starts_with(step)) candidates.push_back(std::move(typed));
  }
  std::sort(candidates.begin(), candidates.end());
  quote_alike(step, candidates);
  return choose(step, std::move(candidates), "");
}

Completion complete_key(std::string_view word, bool is_path, const Lookup& lookup) {
  if (const std::size_t dot = last_step(word); is_path && dot != std::string_view::npos) {
    return complete_step(word.substr(0, dot), word.substr(dot + 1), lookup);
  }
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
  for (const std::string& key : lookup.keys(prefix)) candidates.push_back(typed_key(key));
  quote_alike(word, candidates);
  return choose(word, std::move(candidates), is_path ? "" : " ");
}

}  // namespace

Completion complete(std::string_view line, const std::vector<std::string>& commands, const Lookup& lookup) {
  const std::size_t first = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t begin = std::max(word_begin(line), first);
  const std::string_view word = line.substr(begin);
  if (begin == first) return complete_command(word, commands);
  const std::string command = upper(line.substr(first, line.find(' ', first) - first));
  if (command == "HELP") return complete_command(word, commands);
  return complete_key(word, takes_paths(command), lookup);
}

}  // namespace trellis
