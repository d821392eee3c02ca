// SIGHUP: programs that run in the background outlive the terminal they were started from, or read their files anew.
#pragma once

#include <csignal>

namespace trellis {

inline volatile std::sig_atomic_t hang_up_noted = 0;

/// SIGHUP, which a terminal sends when it is closed, is ignored from now on.
inline void outlive_terminal() { std::signal(SIGHUP, SIG_IGN); }

/// From now on SIGHUP is noted instead: files are to be read anew.
inline void note_hang_ups() {
  std::signal(SIGHUP, [](int) { hang_up_noted = 1; });
}
/// Whether one came since this was asked last.
inline bool take_hang_up() {
  const bool came = hang_up_noted != 0;
  hang_up_noted = 0;
  return came;
}

}  // namespace trellis
