// Lines from a person at a terminal: editing, history over sessions, completion.  The only file that knows libedit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/shell/completion.hpp"

namespace trellis {

class LineEditor {
 public:
  using Complete = std::function<Completion(std::string_view line_before_cursor)>;
  enum class Prompt : std::uint8_t { kFirst, kMore };  ///< For a statement's first line, and for its others.

  /// @param prompt        shown in front of a first line, on standard output, or on standard error where that is no
  ///                      terminal; other lines get ... in its width
  /// @param history_file  read now and written with each line; empty: none
  /// @param stop_fd       once this can be read, there are no more lines; -1: never
  LineEditor(std::string prompt, std::string history_file, Complete complete, int stop_fd = -1);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// The next line without its end, also when it is empty; nothing after Ctrl-D.  Ctrl-C clears the line; where more
  /// lines of a statement are awaited, it gives up the statement.
  std::optional<std::string> next(Prompt prompt = Prompt::kFirst);
  /// Whether the last line was Ctrl-C, which gives up the statement.
  bool gave_up() const;
  /// Adds a whole statement to the history.
  void remember(const std::string& statement);

 private:
  class Terminal;
  std::unique_ptr<Terminal> terminal_;
};

}  // namespace trellis
