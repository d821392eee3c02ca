// What HELP prints, and the names that the shell completes and corrects to: those of protocol/command_table.hpp that
// people type, and the shell's own two.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "protocol/command_table.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct CommandHelp {
  std::string_view name;
  ShellForm form;
};

/// In the order in which HELP lists them.
std::span<const CommandHelp> command_helps();

/// HELP: all commands.  HELP COMMAND: that one, in any case, aliases too.  Error: no such command.
Result<std::string> help_text(std::string_view command);

/// Lines of all commands as words behind `trellis`: get KEY   has KEY ...
std::string one_shot_commands();

/// The known command that is nearest to `word` by edit distance; a command that writes is near only at distance 1, and
/// no command is where half of the word would have to be changed.  Empty: none is near.
std::string_view nearest_command(std::string_view word);

}  // namespace trellis
