#include "cli/shell/execute.hpp"

#include <cstdio>

#include "cli/shell/pager.hpp"

namespace trellis {

void write(const Printed& printed) {
  if (!printed.err.empty()) {
    std::fwrite(printed.err.data(), 1, printed.err.size(), stderr);
    std::fflush(stderr);
  }
  if (!printed.out.empty()) {
    std::fwrite(printed.out.data(), 1, printed.out.size(), stdout);
    std::fflush(stdout);
  }
}

int execute(Client& client, const Statement& statement, const ExecuteOptions& options,
            const std::function<bool()>& interrupted) {
  Printer printer(statement, options.json);
  Pager pager(options.pager);
  if (statement.kind != Statement::Kind::kRequest) {
    pager.write(printer.on_local());
    return printer.exit_code();
  }
  std::optional<std::string> arguments = statement.arguments;
  for (; arguments && !pager.was_left(); arguments = printer.next_page()) {
    const Answer answer = client.call(statement.command, *arguments, statement.request_options(), interrupted);
    pager.write(printer.on_reply(answer.reply));
  }
  return printer.exit_code();
}

}  // namespace trellis
