// Replies to what is printed, as the table of docs/commands.md says, for people and as JSON.
//
// Pure: hands back texts and an exit code and writes nothing.  For KEYS and SCAN, whose answers come in pages, each
// page is printed as it comes, so no answer is ever held whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/statement/statement.hpp"
#include "protocol/reply.hpp"
#include "protocol/result.hpp"

namespace trellis {

enum ExitCode : int {
  kExitDone = 0,
  kExitNotFound = 1,  ///< Not found, or false.
  kExitUsage = 2,     ///< Wrong usage or argument.
  kExitUnavailable = 3,
  kExitOther = 4,
};
int exit_code_of(Code code);

/// Whole lines.  What goes to standard error is written first.
struct Printed {
  std::string out;
  std::string err;
};

/// Prints the answer to one statement.
///   Printer printer(statement, json);
///   auto arguments = std::optional(statement.arguments);
///   for (; arguments; arguments = printer.next_page()) write(printer.on_reply(call(statement.command, *arguments)));
class Printer {
 public:
  /// `json`: as --json asks for, for all statements; one that carries --json itself gets it anyway.
  Printer(const Statement& statement, bool json);

  Printed on_reply(const Reply& reply);
  /// HELP, which needs no reply.  EXIT and a blank line print nothing.
  Printed on_local();

  /// The arguments of the request for the next page, while there is one.
  std::optional<std::string> next_page() const;
  int exit_code() const { return exit_code_; }

 private:
  void warnings(const ReplyInfo& info, Printed& out);
  void warning(const std::string& text, Printed& out);
  void fail(Code code, const std::string& message, Printed& out);
  void malformed(Printed& out);
  void result(const Reply& reply, Printed& out);
  void boolean(const Reply& reply, Printed& out);
  void page(const Reply& reply, Printed& out);
  void changed(const Reply& reply, Printed& out);
  void presence(const Reply& reply, Printed& out);
  void end_json_page(Printed& out);
  std::string framed(std::string_view json, const ReplyInfo& info = {}) const;
  std::string version_line(const ReplyInfo& info) const;

  Command command_;
  Statement::Kind kind_;
  std::string subject_;
  std::string text_;
  std::optional<PatchKind> change_;
  bool asks_presence_;
  bool json_;
  bool info_;
  bool is_plan_;                       ///< It asks what would move.
  std::optional<std::uint64_t> left_;  ///< What is left of --limit.
  KeyRange range_;                     ///< Its direction.
  bool guaranteed_ = true;             ///< All pages so far were.
  bool filtered_ = false;              ///< A page was not all that was asked for.
  int exit_code_ = kExitDone;
  std::vector<std::string> warned_;  ///< Each warning is printed once, however many pages carry it.
  bool page_begun_ = false;          ///< JSON: [ is written, ] is not.
  bool more_ = false;
  std::optional<std::string> last_key_;
};

/// An error that belongs to no statement: a line that could not be read.
Printed print_error(const Error& error, bool json);

}  // namespace trellis
