// One statement, from the question to the printed answer; the shell and the one-shot commands are made of it.
#pragma once

#include <functional>

#include "client/client.hpp"
#include "client/statement/printer.hpp"
#include "client/statement/statement.hpp"

namespace trellis {

/// Writes what is printed: standard error first, so that a warning stands before its answer; both are flushed.
void write(const Printed& printed);

struct ExecuteOptions {
  bool json = false;
  bool pager = false;  ///< Answers longer than the terminal go through the pager.
};

/// Asks the cluster, page by page where there are several, and prints the answer as it comes.
/// @param interrupted  true gives up the wait for an answer
/// @return             the exit code
int execute(Client& client, const Statement& statement, const ExecuteOptions& options,
            const std::function<bool()>& interrupted = {});

}  // namespace trellis
