// `trellis moves --watch`: what is on its way from worker to worker, again and again, until nothing is.
#pragma once

#include "client/client.hpp"
#include "client/statement/statement.hpp"
#include "program/signals.hpp"

namespace trellis {

/// On a terminal each picture takes the place of the one before; elsewhere only what has changed is written.
/// @param statement  MOVES
/// @return           the exit code; that of a cluster which cannot be asked for some time is kExitUnavailable
int watch_moves(Client& client, const Statement& statement, const StopSignal& stop);

}  // namespace trellis
