// The words after `trellis`: a command for the cluster, a tool of the program's own, or nothing, which is the shell.
//
// A command's words are the grammar's (client/statement/statement.hpp), also those that begin with a dash: only the
// flags that are about the program, not about the command, are taken out, wherever they stand in front of `--`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trellis {

struct CommandLine {
  enum class Kind { kShell, kCommand, kTool };
  Kind kind = Kind::kShell;
  std::vector<std::string> flags;  ///< For the settings: of a tool or the shell everything, else -b, --config, ...
  std::vector<std::string> words;  ///< kCommand: the command with its arguments and its own flags.
  bool help = false;               ///< kCommand: --help stood among the words.
  bool json = false;               ///< kCommand: --json stood among the words.
  bool detach = false;             ///< kCommand: MEMBER REMOVE with --detach, which is not among the words.
  bool watch = false;              ///< kCommand: MOVES with --watch, likewise.
};

/// @param tools  names that are tools: load, up, ...; `keys init DIR` is one besides
CommandLine split_command_line(const std::vector<std::string>& words, std::span<const std::string_view> tools);

}  // namespace trellis
