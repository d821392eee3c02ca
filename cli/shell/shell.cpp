#include "cli/shell/shell.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "cli/shell/execute.hpp"
#include "cli/shell/line_editor.hpp"
#include "cli/shell/line_reader.hpp"
#include "cli/shell/open_brackets.hpp"
#include "client/statement/help.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;

/// Completion must feel immediate, or not be there.
constexpr milliseconds kCompletionTimeout{300};
constexpr std::size_t kCompletionKeys = 100;
/// After so many commands from a pipe a person at the terminal is told of quicker ways.
constexpr std::size_t kManyCommands = 5'000;

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
  int run(std::string_view line);
  void count_command();
  int stop_fd() const { return options_.stop != nullptr ? options_.stop->fd() : -1; }
  bool given_up() const { return interrupted || (options_.stop != nullptr && options_.stop->requested()); }
  Completion complete_line(std::string_view line);
  std::vector<std::string> find_keys(std::string_view prefix);
  std::vector<std::string> find_fields(std::string_view path);

  Client& client_;
  const ShellOptions& options_;
  std::size_t commands_ = 0;
  bool ended_ = false;
};

int Shell::from_pipe() {
  int worst = kExitDone;
  LineReader lines(STDIN_FILENO, stop_fd());
  OpenBrackets statement;
  while (!ended_ && !given_up()) {
    const auto line = lines.next();
    if (!line) break;
    statement.add(*line);
    if (statement.are_open()) continue;
    worst = std::max(worst, run(statement.take()));
    count_command();
  }
  // The end of the input ends a statement too; the grammar says what is missing.
  if (!statement.is_empty() && !given_up()) worst = std::max(worst, run(statement.take()));
  return worst;
}

int Shell::from_terminal() {
  const char* const home = std::getenv("HOME");
  LineEditor editor(
      "trellis> ", home != nullptr ? std::string(home) + "/.trellis_history" : "",
      [this](std::string_view line) { return complete_line(line); }, stop_fd());
  const CtrlC ctrl_c(client_);
  OpenBrackets statement;
  while (!ended_) {
    const auto line = editor.next(statement.is_empty() ? LineEditor::Prompt::kFirst : LineEditor::Prompt::kMore);
    if (!line) break;
    if (editor.gave_up()) {
      statement.take();
      continue;
    }
    statement.add(*line);
    if (statement.are_open()) continue;
    const std::string whole = statement.take();
    editor.remember(whole);
    run(whole);
  }
  return kExitDone;
}

/// Each command from a pipe waits for the one before, since that is the order that a script means.
void Shell::count_command() {
  if (++commands_ != kManyCommands || isatty(STDERR_FILENO) == 0) return;
  std::fputs(
      "HINT: each of these commands waits for the one before it; `trellis load FILE`, or BATCH from a program, "
      "stores many at once\n",
      stderr);
}

/// Never fails: what is wrong with a statement is printed, and its exit code returned.
int Shell::run(std::string_view line) {
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
  return execute(client_, *statement, {options_.defaults.json, options_.pager}, [this] { return given_up(); });
}

Completion Shell::complete_line(std::string_view line) {
  std::vector<std::string> commands;
  for (const CommandHelp& help : command_helps()) commands.emplace_back(help.name);
  return complete(line, commands,
                  {[this](std::string_view prefix) { return find_keys(prefix); },
                   [this](std::string_view path) { return find_fields(path); }});
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

/// The names of the fields of the map at a path; none where there is no map or no quick answer.
std::vector<std::string> Shell::find_fields(std::string_view path) {
  std::vector<std::string> fields;
  const auto statement = parse_statement("QUERY " + std::string(path));
  if (!statement) return fields;
  Options options;
  options.timeout = kCompletionTimeout;
  options.stale = true;
  const Answer answer = client_.call(Command::kQuery, statement->arguments, options);
  if (answer.reply.status != Code::kOk) return fields;
  PackedReader reader(answer.reply.result);
  for (auto left = reader.read_map().value_or(0); left > 0; --left) {
    const auto name = reader.read_bytes();
    if (!name || !reader.read_value()) break;
    fields.emplace_back(*name);
  }
  return fields;
}

}  // namespace

int run_shell(Client& client, const ShellOptions& options) {
  Shell shell(client, options);
  return isatty(STDIN_FILENO) == 1 ? shell.from_terminal() : shell.from_pipe();
}

}  // namespace trellis
