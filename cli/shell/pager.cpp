#include "cli/shell/pager.hpp"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/shell/execute.hpp"

namespace trellis {
namespace {

/// What to page with: $PAGER, or less where it is installed.  Empty: nothing.
std::string pager_command() {
  if (const char* const chosen = std::getenv("PAGER")) return chosen;
  for (const char* const path : {"/usr/bin/less", "/bin/less", "/usr/local/bin/less"}) {
    if (access(path, X_OK) == 0) return "less";
  }
  return {};
}

/// How many rows of the terminal `text` takes, long lines counted as often as they are broken.
std::size_t rows_of(std::string_view text, std::size_t columns) {
  std::size_t rows = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::size_t size = end == std::string_view::npos ? text.size() : end;
    rows += 1 + (size > 0 ? (size - 1) / columns : 0);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return rows;
}

/// A pager that is left closes its pipe, and Ctrl-C is for the pager; neither may end this program.
class Shielded {
 public:
  Shielded() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, &pipe_);
    sigaction(SIGINT, &ignore, &interrupt_);
  }
  ~Shielded() {
    sigaction(SIGPIPE, &pipe_, nullptr);
    sigaction(SIGINT, &interrupt_, nullptr);
  }
  Shielded(const Shielded&) = delete;
  Shielded& operator=(const Shielded&) = delete;

 private:
  struct sigaction pipe_ {};
  struct sigaction interrupt_ {};
};

}  // namespace

Pager::Pager(bool wanted) {
  if (!wanted || isatty(STDOUT_FILENO) == 0) return;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2 || size.ws_col < 2) return;
  rows_ = size.ws_row - 1u;  // The prompt comes below.
  columns_ = size.ws_col;
  command_ = pager_command();
}

Pager::~Pager() {
  if (pipe_ != nullptr) {
    const Shielded shielded;
    pclose(pipe_);
  } else if (!held_.empty()) {
    trellis::write({held_, ""});
  }
}

void Pager::write(const Printed& printed) {
  if (command_.empty()) return trellis::write(printed);
  if (!printed.err.empty()) trellis::write({"", printed.err});
  if (pipe_ != nullptr) return pass_on(printed.out);
  held_ += printed.out;
  held_rows_ += rows_of(printed.out, columns_);
  if (held_rows_ <= rows_) return;
  start();
  pass_on(held_);
  held_.clear();
}

void Pager::start() {
  // less shows colours as they are, and ends by itself where everything fits after all.
  setenv("LESS", "FRX", 0);
  std::fflush(stdout);
  pipe_ = popen(command_.c_str(), "w");
  if (pipe_ == nullptr) command_.clear();
}

void Pager::pass_on(std::string_view text) {
  if (pipe_ == nullptr) return trellis::write({std::string(text), ""});
  const Shielded shielded;
  left_ = std::fwrite(text.data(), 1, text.size(), pipe_) != text.size() || std::fflush(pipe_) != 0;
}

}  // namespace trellis
