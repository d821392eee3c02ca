// The commands of the shell: what stands behind each name, and statements made of parts that were read.
// Only statement*.cpp include this.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "client/statement/statement.hpp"
#include "protocol/notation/notation.hpp"

namespace trellis {

/// What a line begins with: a command of protocol/command_table.hpp, or a word of the shell's own.
struct Form {
  Statement::Kind kind = Statement::Kind::kRequest;  ///< kRequest, kHelp or kExit.
  std::string_view name;
  Command command = Command::kPing;  ///< Where it is a request.
  std::optional<PatchKind> change;   ///< INCREMENT, APPEND and MERGE: a PATCH of that one operation.

  bool is_for_good() const { return name == "PERSIST"; }  ///< EXPIRE without a time.
  Signature signature() const { return row_of(command).signature; }
  bool is_compute() const { return signature() == Signature::kFormula; }
};

/// The form of `first`, or of LIST `second`; whether it took the second word.  Error: kInvalidArgument, which names the
/// nearest command.
struct FoundForm {
  Form form;
  bool took_second = false;
};
Result<FoundForm> find_form(std::string_view first, std::string_view second);

/// How the command is typed, as HELP says it.
std::string usage_of(const Form& form);

// Each checks the limits of what it is given.  Errors: kInvalidArgument.
Result<Statement> nothing_statement(const Form& form);
Result<Statement> member_statement(const Form& form, std::string_view member);
/// @param words  NAME=VALUE, any number of them
Result<Statement> settings_statement(const Form& form, std::span<const std::string> words);
Result<Statement> key_statement(const Form& form, std::string key);
Result<Statement> prefix_statement(const Form& form, std::string prefix);
/// KEYS, SCAN and COUNT with words behind them.
Result<Statement> listing_statement(const Form& form, std::span<const Word> words);
/// Whether a word that stands without quotes is a pattern.
inline bool is_pattern(std::string_view word) { return word.find_first_of("*?[") != std::string_view::npos; }
Result<Statement> record_statement(const Form& form, Record record);
/// A path as people type it.
struct TypedPath {
  std::string packed;     ///< As the protocol takes it: the key and then the steps.
  std::string text;       ///< As people type it, names quoted where they have to be.
  std::size_t steps = 0;  ///< Behind the key.
};
/// Whether the command takes a path as well as a key, and is a change or a question in the document then.
bool takes_path_too(const Form& form);
/// For a form of which takes_path_too() holds, or which is a change. @param value  packed, where the change has one
Result<Statement> change_statement(const Form& form, const TypedPath& path, std::string_view value);
Result<Statement> patch_statement(const Form& form, std::string key, std::string_view operations);
/// EXPIRE and PERSIST.  @param time  as people write it; of PERSIST empty
Result<Statement> lifetime_statement(const Form& form, const std::string& key, std::string_view time);
Result<Statement> path_statement(const Form& form, std::string_view packed_path, std::string text);
/// @param variables  packed pairs of name and path
Result<Statement> compute_statement(const Form& form, std::string_view expression, std::size_t variable_count,
                                    std::string_view variables);
Statement help_statement(std::string_view subject);
Result<void> check_key(std::string_view key);

/// The options that stood in a line, to be put into the statement once its command is known.
struct GivenOptions {
  bool stale = false;
  bool if_absent = false;
  bool if_present = false;
  bool strict = false;
  bool return_document = false;
  bool allow_fewer = false;
  bool dry_run = false;
  bool json = false;
  bool info = false;
  std::optional<std::uint64_t> if_version;
  std::optional<std::uint64_t> ttl_ms;
  std::optional<std::uint64_t> limit;  ///< From --limit; LIMIT stands in the statement.
  std::optional<std::chrono::milliseconds> timeout;
};

/// Whether `word` is an option, alone or with =VALUE.
bool is_known_option(std::string_view word);
/// Takes the option `word`, and says whether it took `next`, the word behind it, as its value.
Result<bool> take_option(std::string_view word, std::string_view next, GivenOptions& given);
/// Puts the options into the statement.  Error: one that does not belong to the command.
Result<void> put_options(const GivenOptions& given, const StatementDefaults& defaults, Statement& out);

/// Digits with zeros in front are a postcode or a telephone number more often than a number, which loses them: they are
/// refused, with what to type.
Result<void> check_no_leading_zeros(std::string_view value);

// Characters and words, for people's ASCII.
inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
/// Signs that a bare name may hold: none of them means anything where a name stands.
inline constexpr std::string_view kPlainSigns = "_ - : / @ + % ~ = $ & ! #";
inline bool is_plain(char c) {
  return is_letter(c) || is_digit(c) || (c != ' ' && c != '\0' && kPlainSigns.find(c) != std::string_view::npos);
}
inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool same_word(std::string_view a, std::string_view b);  ///< In any case.
bool begins_with_quote(std::string_view text);           ///< With a quote of any kind.
/// Decimal digits and nothing else, up to 2^64-1.
std::optional<std::uint64_t> natural(std::string_view text);
/// For messages: in quotes, and not endless.
std::string shown(std::string_view text);

}  // namespace trellis
