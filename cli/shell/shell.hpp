// The shell: commands from a terminal with editing, history and completion, or from a pipe.  A command is a line, or as
// many as it takes until its brackets are closed.
#pragma once

#include "client/client.hpp"
#include "client/statement/statement.hpp"
#include "program/signals.hpp"

namespace trellis {

struct ShellOptions {
  StatementDefaults defaults;
  const StopSignal* stop = nullptr;  ///< Ends the shell as the end of its input does.
  bool pager = true;                 ///< Long answers go through $PAGER, on a terminal.
};

/// Reads standard input to its end, or to EXIT; an error goes on with the next line.  At a terminal Ctrl-C clears the
/// line, or gives up the command that runs.
/// @return the exit code: 0 from a terminal, the highest of its lines from a pipe
int run_shell(Client& client, const ShellOptions& options);

}  // namespace trellis
