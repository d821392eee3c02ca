// `trellis member remove`: orders the removal, and waits until it is done.
#pragma once

#include "client/client.hpp"
#include "client/statement/statement.hpp"
#include "program/signals.hpp"

namespace trellis {

/// Waits until the member is one no more, with a line of what is left on a terminal.  A signal ends the wait alone: the
/// removal goes on.
/// @param member  its id or address
/// @return        the exit code
int await_removal(Client& client, const std::string& member, const StopSignal& stop);

}  // namespace trellis
