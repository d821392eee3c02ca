// The page's console: a line of the shell, read, asked and printed by the shell's own grammar and printer, so that both
// take and show the same.
//
// Pure: it says what to ask and is handed the replies, a page of KEYS or SCAN at a time.
// Invariant: after its construction and after each reply there is either a call to make, or a response.
#pragma once

#include <optional>
#include <string>

#include "client/statement/printer.hpp"
#include "client/statement/statement.hpp"
#include "gateway/http.hpp"
#include "protocol/reply.hpp"

namespace trellis {

/// All pages of a listing are printed up to so many bytes.
constexpr std::size_t kConsoleTextMax = std::size_t{4} << 20;

class ConsoleRun {
 public:
  /// @param all  print all pages of a listing; else the first
  ConsoleRun(std::string line, bool all);
  ConsoleRun(const ConsoleRun&) = delete;
  ConsoleRun& operator=(const ConsoleRun&) = delete;

  /// The arguments to call `statement().command` with now.
  const std::optional<std::string>& next_arguments() const { return next_; }
  const Statement& statement() const { return statement_; }
  void on_reply(const Reply& reply);

  /// {"out": text, "err": text, "code": exit code as the one-shot command's, "more": whether pages were left out}
  HttpResponse response() const;

 private:
  void take(const Printed& printed);

  const std::string line_;  ///< The statement's options may point into it.
  const bool all_;
  Statement statement_;
  std::optional<Printer> printer_;
  std::optional<std::string> next_;
  std::string out_;
  std::string err_;
  int code_ = kExitDone;
  bool more_ = false;
};

}  // namespace trellis
