// Programs that run in the background outlive the terminal they were started from.
#pragma once

#include <csignal>

namespace trellis {

/// SIGHUP, which a terminal sends when it is closed, is ignored from now on.
inline void outlive_terminal() { std::signal(SIGHUP, SIG_IGN); }

}  // namespace trellis
