#include "cli/moves_watch.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "client/statement/printer.hpp"

namespace trellis {
namespace {

constexpr std::chrono::milliseconds kLookEvery{500};
/// While a leader changes nobody can be asked for a moment.
constexpr int kFailuresMax = 20;
constexpr const char* kClear = "\x1b[H\x1b[J";

bool is_empty_list(const Reply& reply) { return reply.result == std::string_view("\x90", 1); }

}  // namespace

int watch_moves(Client& client, const Statement& statement, const StopSignal& stop) {
  const bool has_terminal = isatty(STDOUT_FILENO) == 1;
  std::string shown;
  int failures = 0;
  while (!stop.requested()) {
    const Answer answer =
        client.call(statement.command, statement.arguments, statement.options, [&] { return stop.requested(); });
    if (stop.requested()) return kExitDone;
    const bool failed = answer.reply.status != Code::kOk;
    failures = failed ? failures + 1 : 0;
    Printer printer(statement, statement.json);
    const Printed printed = printer.on_reply(answer.reply);
    if (failed && failures >= kFailuresMax) {
      std::fputs(printed.err.c_str(), stderr);
      return printer.exit_code();
    }
    if (!failed && printed.out != shown) {
      shown = printed.out;
      std::printf("%s%s", has_terminal ? kClear : "", shown.c_str());
      std::fflush(stdout);
    }
    if (!failed && is_empty_list(answer.reply)) return kExitDone;
    client.run(kLookEvery);
  }
  return kExitDone;
}

}  // namespace trellis
