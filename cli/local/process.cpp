#include "cli/local/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace trellis {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// How a child that could not become the program tells.
constexpr int kExitNoProgram = 127;

std::string read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string boot_id() { return read_line("/proc/sys/kernel/random/boot_id"); }

/// The start of the process that has this pid now, or nothing where none has or it has ended (a zombie).
std::optional<std::uint64_t> start_of(pid_t pid) {
  const std::string line = read_line("/proc/" + std::to_string(pid) + "/stat");
  // pid (name) state ppid ...: the name may hold anything, so count from its last bracket.
  const std::size_t bracket = line.rfind(')');
  if (bracket == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(bracket + 1));
  std::string field;
  for (int number = 3; number <= 22 && fields >> field; ++number) {
    if (number == 3 && (field == "Z" || field == "X")) return std::nullopt;
  }
  std::uint64_t started = 0;
  return std::istringstream(field) >> started ? std::optional(started) : std::nullopt;
}

/// A file descriptor that stands for one process, never for a later one with its pid; readable once it has ended.
class ProcessHandle {
 public:
  explicit ProcessHandle(const ProcessIdentity& process)
      : fd_(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0))) {
    // Whose pid it is now is asked after it is held.
    if (fd_ >= 0 && !is_running(process)) close();
  }
  ~ProcessHandle() { close(); }
  ProcessHandle(ProcessHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ProcessHandle& operator=(ProcessHandle&&) = delete;

  void send(int signal) const {
    if (fd_ >= 0) syscall(SYS_pidfd_send_signal, fd_, signal, nullptr, 0);
  }
  /// Waits until the process has ended, at most until then; whether it has.
  bool wait_until(Clock::time_point end) const {
    if (fd_ < 0) return true;
    while (true) {
      const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
      pollfd item{fd_, POLLIN, 0};
      const int ready = poll(&item, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      if (ready > 0) return true;
      if (ready == 0 || errno != EINTR) return false;
    }
  }

 private:
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd_;
};

std::vector<std::string> environment_for_children() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view setting(*entry);
    const bool is_for_all = setting.starts_with("TRELLIS_LOG_") || setting.starts_with("TRELLIS_CLUSTER_KEY=");
    if (!setting.starts_with("TRELLIS_") || is_for_all) kept.emplace_back(setting);
  }
  return kept;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// In the child, between fork and exec: async-signal-safe calls alone.
[[noreturn]] void become(const char* program, char** arguments, char** environment, int log, bool detached,
                         pid_t parent) {
  setsid();
  if (!detached) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(0);  // It died before we could ask to be told.
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0);
  execve(program, arguments, environment);
  constexpr char kMessage[] = "cannot start the program\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  _exit(kExitNoProgram);
}

void reap_children() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

}  // namespace

Result<ProcessIdentity> start_process(const ProcessSpec& spec) {
  if (access(spec.program.c_str(), X_OK) != 0) {
    return Error{Code::kNotFound, "cannot run " + spec.program + ": " + std::strerror(errno)};
  }
  const int log = open(spec.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) return Error{Code::kInternal, "cannot write " + spec.log_file + ": " + std::strerror(errno)};
  std::vector<std::string> arguments{spec.program};
  arguments.insert(arguments.end(), spec.arguments.begin(), spec.arguments.end());
  std::vector<std::string> environment = environment_for_children();
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    become(spec.program.c_str(), const_cast<char**>(argument_pointers.data()),
           const_cast<char**>(environment_pointers.data()), log, spec.detached, parent);
  }
  close(log);
  if (pid < 0) return Error{Code::kInternal, std::string("cannot start a process: ") + std::strerror(errno)};
  return ProcessIdentity{pid, start_of(pid).value_or(0), boot_id()};
}

ProcessIdentity own_identity() { return {getpid(), start_of(getpid()).value_or(0), boot_id()}; }

bool is_running(const ProcessIdentity& process) {
  return process.pid > 0 && process.boot == boot_id() && start_of(process.pid) == process.started;
}

void stop_processes(std::span<const ProcessIdentity> processes, milliseconds grace) {
  std::vector<ProcessHandle> handles;
  for (const ProcessIdentity& process : processes) handles.emplace_back(process);
  for (const ProcessHandle& handle : handles) handle.send(SIGTERM);
  const auto end = Clock::now() + grace;
  for (const ProcessHandle& handle : handles) {
    if (handle.wait_until(end)) continue;
    handle.send(SIGKILL);
    handle.wait_until(Clock::now() + grace);
  }
  reap_children();
}

std::string own_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path().string(); }

}  // namespace trellis
