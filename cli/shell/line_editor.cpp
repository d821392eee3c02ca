#include "cli/shell/line_editor.hpp"

#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <cwchar>

namespace trellis {
namespace {

constexpr int kHistoryMax = 2'000;
constexpr std::size_t kCandidatesShown = 60;

/// libedit counts characters, as the locale has them; what is typed and stored is UTF-8.
void use_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

int characters_in(std::string_view text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// The window has another size.  libedit's own handling of signals would pass them on to the whole process group.
std::atomic<bool> resized = false;

}  // namespace

class LineEditor::Terminal {
 public:
  Terminal(std::string prompt, std::string history_file, Complete complete, int stop_fd);
  ~Terminal();
  std::optional<std::string> next(Prompt prompt);
  bool gave_up() const { return gave_up_; }
  void remember(const std::string& statement);

 private:
  static Terminal& of(EditLine* edit) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return *static_cast<Terminal*>(self);
  }
  static char* on_prompt(EditLine* edit) {
    Terminal& self = of(edit);
    return (self.awaits_more_ ? self.prompt_of_more_ : self.prompt_).data();
  }
  static unsigned char on_tab(EditLine* edit, int) { return of(edit).complete_here(); }
  static unsigned char on_interrupt(EditLine* edit, int) { return of(edit).clear_line(); }
  static unsigned char on_suspend(EditLine* edit, int) { return of(edit).suspend(); }
  static int on_read(EditLine* edit, wchar_t* character) { return of(edit).read_character(character); }

  unsigned char complete_here();
  unsigned char clear_line();
  unsigned char suspend();
  int read_character(wchar_t* character);
  bool wait_for_input();
  void show(const std::vector<std::string>& candidates);

  std::string prompt_;
  std::string prompt_of_more_;
  std::string history_file_;
  bool awaits_more_ = false;
  bool gave_up_ = false;
  Complete complete_;
  int stop_fd_;
  std::mbstate_t decoder_{};
  FILE* out_;
  EditLine* edit_;
  History* history_;
  HistEvent event_{};
};

LineEditor::Terminal::Terminal(std::string prompt, std::string history_file, Complete complete, int stop_fd)
    : prompt_(std::move(prompt)),
      prompt_of_more_(prompt_.size() > 4 ? std::string(prompt_.size() - 4, ' ') + "... " : "... "),
      history_file_(std::move(history_file)),
      complete_(std::move(complete)),
      stop_fd_(stop_fd),
      out_(isatty(STDOUT_FILENO) == 1 ? stdout : stderr) {
  use_utf8();
  edit_ = el_init("trellis", stdin, out_, stderr);
  history_ = history_init();
  history(history_, &event_, H_SETSIZE, kHistoryMax);
  history(history_, &event_, H_SETUNIQUE, 1);
  if (!history_file_.empty()) history(history_, &event_, H_LOAD, history_file_.c_str());
  el_set(edit_, EL_CLIENTDATA, this);
  el_set(edit_, EL_PROMPT, &Terminal::on_prompt);
  el_set(edit_, EL_EDITOR, "emacs");
  el_set(edit_, EL_GETCFN, &Terminal::on_read);
  el_set(edit_, EL_HIST, history, history_);
  // While a line is edited Ctrl-C and Ctrl-Z are keys, no signals.
  el_set(edit_, EL_SETTY, "-d", "-isig", nullptr);
  el_set(edit_, EL_ADDFN, "trellis-complete", "Complete the command or key", &Terminal::on_tab);
  el_set(edit_, EL_BIND, "^I", "trellis-complete", nullptr);
  el_set(edit_, EL_ADDFN, "trellis-clear", "Clear the line", &Terminal::on_interrupt);
  el_set(edit_, EL_BIND, "^C", "trellis-clear", nullptr);
  el_set(edit_, EL_ADDFN, "trellis-suspend", "Suspend", &Terminal::on_suspend);
  el_set(edit_, EL_BIND, "^Z", "trellis-suspend", nullptr);
  el_set(edit_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(edit_, nullptr);  // ~/.editrc, as in other programs
  struct sigaction action {};
  action.sa_handler = [](int) { resized = true; };
  sigemptyset(&action.sa_mask);
  sigaction(SIGWINCH, &action, nullptr);
}

LineEditor::Terminal::~Terminal() {
  history_end(history_);
  el_end(edit_);
}

std::optional<std::string> LineEditor::Terminal::next(Prompt prompt) {
  int count = 0;
  awaits_more_ = prompt == Prompt::kMore;
  gave_up_ = false;
  // libedit shows the prompt first and makes the terminal raw then: a Ctrl-D typed in between would be lost.
  el_set(edit_, EL_PREP_TERM, 1);
  const char* const read = el_gets(edit_, &count);
  if (gave_up_) {
    std::fputs("\n", out_);
    return std::string();
  }
  if (read == nullptr || count <= 0) {
    std::fputs("\n", out_);
    return std::nullopt;
  }
  std::string line(read, static_cast<std::size_t>(count));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return line;
}

void LineEditor::Terminal::remember(const std::string& statement) {
  if (statement.empty()) return;
  history(history_, &event_, H_ENTER, statement.c_str());
  // At once: the shell may end in ways that leave no time for it.
  if (!history_file_.empty()) history(history_, &event_, H_SAVE, history_file_.c_str());
}

unsigned char LineEditor::Terminal::complete_here() {
  const LineInfo* const info = el_line(edit_);
  const std::string_view before(info->buffer, static_cast<std::size_t>(info->cursor - info->buffer));
  const Completion completion = complete_(before);
  if (!completion.insert.empty()) {
    const std::string_view replaced = before.substr(before.size() - completion.replace);
    if (replaced != completion.insert) {
      el_deletestr(edit_, characters_in(replaced));
      el_insertstr(edit_, completion.insert.c_str());
      return CC_REFRESH;
    }
  }
  if (completion.candidates.size() < 2) return CC_REFRESH_BEEP;
  show(completion.candidates);
  return CC_REDISPLAY;
}

void LineEditor::Terminal::show(const std::vector<std::string>& candidates) {
  std::fputs("\n", out_);
  std::size_t shown = 0;
  for (const std::string& candidate : candidates) {
    if (shown++ == kCandidatesShown) {
      std::fputs("...", out_);
      break;
    }
    std::fprintf(out_, "%s  ", candidate.c_str());
  }
  std::fputs("\n", out_);
}

unsigned char LineEditor::Terminal::clear_line() {
  const LineInfo* const info = el_line(edit_);
  const int after = characters_in({info->cursor, static_cast<std::size_t>(info->lastchar - info->cursor)});
  const int all = characters_in({info->buffer, static_cast<std::size_t>(info->lastchar - info->buffer)});
  el_cursor(edit_, after);
  el_deletestr(edit_, all);
  gave_up_ = awaits_more_;
  if (gave_up_) {
    std::fputs("^C", out_);
    return CC_NEWLINE;
  }
  std::fputs("^C\n", out_);
  return CC_REDISPLAY;
}

/// To the background, with the terminal as it was before, and back.
unsigned char LineEditor::Terminal::suspend() {
  el_set(edit_, EL_PREP_TERM, 0);
  kill(0, SIGTSTP);
  el_set(edit_, EL_PREP_TERM, 1);
  return CC_REDISPLAY;
}

/// libedit's way to ask for a character: 1, or 0 at the end.
int LineEditor::Terminal::read_character(wchar_t* character) {
  while (wait_for_input()) {
    char byte = 0;
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    const std::size_t used = std::mbrtowc(character, &byte, 1, &decoder_);
    if (used <= 1) return 1;
    if (used == static_cast<std::size_t>(-1)) decoder_ = {};  // No UTF-8: the byte is passed over.
  }
  return 0;
}

/// False once the program is to stop.
bool LineEditor::Terminal::wait_for_input() {
  pollfd both[] = {{STDIN_FILENO, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
  while (poll(both, 2, -1) < 0 && errno == EINTR) {
    if (resized.exchange(false)) el_resize(edit_);
  }
  return both[1].revents == 0;
}

LineEditor::LineEditor(std::string prompt, std::string history_file, Complete complete, int stop_fd)
    : terminal_(std::make_unique<Terminal>(std::move(prompt), std::move(history_file), std::move(complete), stop_fd)) {}
LineEditor::~LineEditor() = default;
std::optional<std::string> LineEditor::next(Prompt prompt) { return terminal_->next(prompt); }
bool LineEditor::gave_up() const { return terminal_->gave_up(); }
void LineEditor::remember(const std::string& statement) { terminal_->remember(statement); }

}  // namespace trellis
