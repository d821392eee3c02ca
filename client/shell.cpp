#include "client/shell.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "client/execute.hpp"
#include "client/help.hpp"
#include "client/line_editor.hpp"
#include "client/record_reader.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;

/// Completion must feel immediate, or not be there.
constexpr milliseconds kCompletionTimeout{300};
constexpr std::size_t kCompletionKeys = 100;

/// Ctrl-C gives up the command that runs, as long as one of these lives: at a terminal, where it is not to end the
/// program, nor a cluster that the program started.  Handlers find their state in globals or nowhere.
std::atomic<bool> interrupted = false;
std::atomic<Client*> woken = nullptr;

class CtrlC {
 public:
  explicit CtrlC(Client& client) {
    woken = &client;
    struct sigaction action {};
    action.sa_handler = [](int) {
      interrupted = true;
      woken.load()->wake();
    };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &earlier_);
  }
  ~CtrlC() { sigaction(SIGINT, &earlier_, nullptr); }
  CtrlC(const CtrlC&) = delete;
  CtrlC& operator=(const CtrlC&) = delete;

 private:
  struct sigaction earlier_ {};
};

class Shell {
 public:
  Shell(Client& client, const ShellOptions& options) : client_(client), options_(options) {}

  int from_pipe();
  int from_terminal();

 private:
  int run_line(std::string_view line);
  int stop_fd() const { return options_.stop != nullptr ? options_.stop->fd() : -1; }
  bool given_up() const { return interrupted || (options_.stop != nullptr && options_.stop->requested()); }
  Completion complete_line(std::string_view line);
  std::vector<std::string> find_keys(std::string_view prefix);

  Client& client_;
  const ShellOptions& options_;
  bool ended_ = false;
};

int Shell::from_pipe() {
  int worst = kExitDone;
  LineReader lines(STDIN_FILENO, stop_fd());
  while (!ended_ && !given_up()) {
    const auto line = lines.next();
    if (!line) break;
    worst = std::max(worst, run_line(*line));
  }
  return worst;
}

int Shell::from_terminal() {
  const char* const home = std::getenv("HOME");
  LineEditor editor(
      "trellis> ", home != nullptr ? std::string(home) + "/.trellis_history" : "",
      [this](std::string_view line) { return complete_line(line); }, stop_fd());
  const CtrlC ctrl_c(client_);
  while (!ended_) {
    const auto line = editor.next();
    if (!line) break;
    run_line(*line);
  }
  return kExitDone;
}

/// Never fails: what is wrong with a line is printed, and its exit code returned.
int Shell::run_line(std::string_view line) {
  const auto statement = parse_statement(line, options_.defaults);
  if (!statement) {
    write(print_error(statement.error(), options_.defaults.json));
    return exit_code_of(statement.error().code);
  }
  if (statement->kind == Statement::Kind::kExit) {
    ended_ = true;
    return kExitDone;
  }
  interrupted = false;
  return execute(client_, *statement, options_.defaults.json, [this] { return given_up(); });
}

Completion Shell::complete_line(std::string_view line) {
  std::vector<std::string> commands;
  for (const CommandHelp& help : command_helps()) commands.emplace_back(help.name);
  return complete(line, commands, [this](std::string_view prefix) { return find_keys(prefix); });
}

/// Keys for completion; none where the cluster does not answer at once.
std::vector<std::string> Shell::find_keys(std::string_view prefix) {
  Options options;
  options.timeout = kCompletionTimeout;
  options.stale = true;
  const Answer answer = client_.call(Command::kKeys, pack_page(prefix, kCompletionKeys, std::nullopt), options);
  std::vector<std::string> keys;
  PackedReader reader(answer.reply.result);
  if (answer.reply.status != Code::kOk) return keys;
  for (auto left = reader.read_array().value_or(0); left > 0; --left) {
    const auto key = reader.read_bytes();
    if (!key) break;
    keys.emplace_back(*key);
  }
  return keys;
}

}  // namespace

int run_shell(Client& client, const ShellOptions& options) {
  Shell shell(client, options);
  return isatty(STDIN_FILENO) == 1 ? shell.from_terminal() : shell.from_pipe();
}

}  // namespace trellis
