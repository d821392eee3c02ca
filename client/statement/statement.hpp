// The shell's grammar: one line that a person typed, or the words of a one-shot command, to a typed statement.
//
// docs/commands.md is the contract.  A statement carries everything a request needs (but id, session and seq, which are
// the client's) and what printing its answer needs.  Pure functions; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/command.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct Statement {
  enum class Kind : std::uint8_t {
    kNothing,  ///< A blank line.
    kRequest,
    kHelp,  ///< `subject` is what on; empty: on everything.
    kExit,
  };
  Kind kind = Kind::kNothing;
  Command command = Command::kPing;
  std::string arguments;               ///< kRequest: the packed array.  KEYS and SCAN: [prefix], the first page.
  Options options;                     ///< All but what is in `range`: see request_options().
  OwnedKeyRange range;                 ///< KEYS, SCAN and COUNT.
  bool json = false;                   ///< --json stood in the line.
  bool info = false;                   ///< --info did: the version is printed too.
  std::optional<PatchKind> change;     ///< PATCH of one operation, whose result alone is printed.
  bool asks_presence = false;          ///< QUERY: whether something is there, as HAS says of a key.
  std::optional<std::uint64_t> limit;  ///< KEYS and SCAN: how many to print at most, over all pages.
  std::string subject;                 ///< The key, or the prefix; any bytes.
  std::string text;  ///< What stands in front of -> in the answer: the key or the path, quoted where it has to be.

  /// Points into this.
  Options request_options() const {
    Options all = options;
    all.range = range.view();
    return all;
  }
};

/// What is meant where a line does not say otherwise: from flags and the environment.  Of `options` timeout and stale
/// count, the latter for reads alone.
struct StatementDefaults {
  Options options;
  bool json = false;
};

/// A line of the shell.  Errors: kInvalidArgument, with the column where the grammar of values is at fault.
Result<Statement> parse_statement(std::string_view line, const StatementDefaults& defaults = {});

/// The words of a one-shot command, as the system's shell split them: a word is a key, a path, a value as it stands,
/// and is unquoted only where it begins with a quote.  Options may stand anywhere; behind `--` nothing is one.  One
/// word that holds blanks is a line.
Result<Statement> parse_words(std::span<const std::string> words, const StatementDefaults& defaults = {});

/// The arguments of KEYS and SCAN for the page behind `after`.
std::string pack_page(std::string_view prefix, std::size_t limit, std::optional<std::string_view> after);

}  // namespace trellis
