#include "sim/runs.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>
#include <vector>

namespace trellis::sim {
namespace {

/// A run that takes more processor time than this hangs,
constexpr unsigned kHangSeconds = 180;
/// and so does one that takes more true time than this, whatever else the machine has to do.
constexpr unsigned kStuckSeconds = 20 * kHangSeconds;

/// What a child says of its run, in front of its text.
struct Summary {
  bool is_well = false;
  std::uint64_t events = 0;
  std::uint64_t operations = 0;
  std::int64_t simulated_micros = 0;
  std::uint64_t faults = 0;
};

struct Child {
  pid_t pid = 0;
  int pipe = -1;
  std::uint64_t seed = 0;
  std::string said;
};

std::uint64_t faults_of(const RunOutcome& outcome) {
  const Counters& counters = outcome.counters;
  return counters.crashes + counters.power_cuts + counters.crashes_in_turns + counters.pauses + counters.cuts +
         counters.disk_faults + outcome.messages_lost;
}

void write_all(int to, const void* bytes, std::size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written = ::write(to, at, size);
    if (written <= 0) return;
    at += written;
    size -= static_cast<std::size_t>(written);
  }
}

[[noreturn]] void run_child(const RunSettings& settings, int to) {
  const rlimit processor{kHangSeconds, kHangSeconds + 1};
  ::setrlimit(RLIMIT_CPU, &processor);
  ::alarm(kStuckSeconds);
  // What a broken CHECK says goes to the parent too.
  ::dup2(to, STDERR_FILENO);
  const RunOutcome outcome = run_simulation(settings);
  Summary summary;
  summary.is_well = outcome.violation.empty();
  summary.events = outcome.events;
  summary.operations = outcome.operations;
  summary.simulated_micros = outcome.simulated.count();
  summary.faults = faults_of(outcome);
  write_all(to, &summary, sizeof summary);
  const std::string text = to_text(settings.seed, outcome);
  write_all(to, text.data(), text.size());
  ::_exit(0);
}

Child begin_child(RunSettings settings, std::uint64_t seed) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  settings.seed = seed;
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) std::abort();
  if (pid == 0) {
    ::close(ends[0]);
    run_child(settings, ends[1]);
  }
  ::close(ends[1]);
  return {pid, ends[0], seed, {}};
}

std::string describe_death(int status) {
  if (!WIFSIGNALED(status)) return "ended with status " + std::to_string(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  return signal == SIGALRM || signal == SIGXCPU ? "HANGS" : "CRASHES with signal " + std::to_string(signal);
}

}  // namespace

std::string to_text(std::uint64_t seed, const RunOutcome& outcome) {
  const Counters& c = outcome.counters;
  char line[512];
  std::snprintf(line, sizeof line,
                "seed %" PRIu64 ": trace %016" PRIx64 ", %.1f s, %" PRIu64 " events, %" PRIu64 " operations (%" PRIu64
                " ok), %" PRIu64 " messages (%" PRIu64 " lost), %" PRIu64 " applied, %" PRIu64 " leaders, %" PRIu64
                " snapshots, %" PRIu64 " installed; %" PRIu64 " kills, %" PRIu64 " in turns, %" PRIu64
                " power cuts, %" PRIu64 " pauses, %" PRIu64 " cuts, %" PRIu64 " disk faults: ",
                seed, outcome.trace_hash, static_cast<double>(outcome.simulated.count()) / 1e6, outcome.events,
                outcome.operations, c.ok, outcome.messages, outcome.messages_lost, c.applied, c.leaders, c.snapshots,
                c.installs, c.crashes, c.crashes_in_turns, c.power_cuts, c.pauses, c.cuts, c.disk_faults);
  const std::string told = line + (c.backups > 0 ? std::to_string(c.backups) + " backups, " : std::string());
  if (outcome.violation.empty()) return told + "well\n";
  return outcome.details + told + "VIOLATION: " + outcome.violation + '\n';
}

std::vector<std::uint64_t> run_many(const RunsSettings& settings) {
  std::uint64_t count = settings.count;
  std::size_t jobs = settings.jobs;
  if (jobs == 0) jobs = std::max(1u, std::thread::hardware_concurrency());
  std::map<int, Child> children;
  std::uint64_t begun = 0;
  std::uint64_t ended = 0;
  std::vector<std::uint64_t> failed;
  Summary total;
  while (ended < count) {
    while (children.size() < jobs && begun < count) {
      Child child = begin_child(settings.run, settings.run.seed + begun++);
      children.emplace(child.pipe, std::move(child));
    }
    std::vector<pollfd> waits;
    waits.reserve(children.size());
    for (const auto& [pipe, child] : children) waits.push_back({pipe, POLLIN, 0});
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) std::abort();
    for (const pollfd& wait : waits) {
      if (wait.revents == 0) continue;
      char buffer[65536];
      const ssize_t got = ::read(wait.fd, buffer, sizeof buffer);
      Child& child = children.at(wait.fd);
      if (got > 0) {
        child.said.append(buffer, static_cast<std::size_t>(got));
        continue;
      }
      int status = 0;
      ::waitpid(child.pid, &status, 0);
      ::close(wait.fd);
      ++ended;
      Summary summary;
      const bool is_whole = WIFEXITED(status) && WEXITSTATUS(status) == 0 && child.said.size() >= sizeof summary;
      if (is_whole) std::copy_n(child.said.data(), sizeof summary, reinterpret_cast<char*>(&summary));
      total.events += summary.events;
      total.operations += summary.operations;
      total.simulated_micros += summary.simulated_micros;
      total.faults += summary.faults;
      if (!summary.is_well) {
        failed.push_back(child.seed);
        if (settings.ends_at_first_failure) count = begun;
        const std::string text =
            is_whole ? child.said.substr(sizeof summary)
                     : child.said + "seed " + std::to_string(child.seed) + " " + describe_death(status) + '\n';
        if (!settings.is_quiet) std::fprintf(stdout, "%s\n", text.c_str());
        std::fflush(stdout);
      }
      children.erase(wait.fd);
      if (settings.is_quiet) continue;
      if (::isatty(STDERR_FILENO) != 0 || ended % 50 == 0 || ended == count) {
        std::fprintf(stderr,
                     "\r%" PRIu64 " of %" PRIu64 " seeds, %zu failed, %.2f simulated hours, %" PRIu64 " faults ", ended,
                     count, failed.size(), static_cast<double>(total.simulated_micros) / 3.6e9, total.faults);
      }
    }
  }
  if (settings.is_quiet) return failed;
  std::fprintf(stderr, "\n");
  std::printf("%" PRIu64 " seeds, %.2f simulated hours, %" PRIu64 " events, %" PRIu64 " operations, %" PRIu64
              " faults: %zu failed",
              count, static_cast<double>(total.simulated_micros) / 3.6e9, total.events, total.operations, total.faults,
              failed.size());
  for (const std::uint64_t seed : failed) std::printf(" %" PRIu64, seed);
  std::printf("\n");
  return failed;
}

}  // namespace trellis::sim
