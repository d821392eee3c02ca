#include <cstdio>

#include "cli/doctor/diagnose.hpp"

namespace trellis {
namespace {

constexpr double kSyncMax = 0.020;       ///< Seconds, on average: disks that are made for it take a hundredth.
constexpr double kDiskFreeLeast = 0.10;  ///< A share of the whole.
constexpr double kDiskFreeAtAll = 0.02;  ///< Below this a log is soon not written any more.
constexpr double kFilesMost = 0.80;      ///< A share of those that may be open.

std::optional<double> value(const ProcessView& process, const std::string& name) {
  const auto at = process.metrics.find(name);
  return at == process.metrics.end() ? std::nullopt : std::optional(at->second);
}

std::string number_text(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

void diagnose_sync(const ProcessView& process, const std::string& where, std::vector<Finding>& findings) {
  const auto sum = value(process, "trellis_worker_log_sync_duration_seconds_sum");
  const auto count = value(process, "trellis_worker_log_sync_duration_seconds_count");
  if (!sum || !count || *count == 0 || *sum / *count < kSyncMax) return;
  findings.push_back({Severity::kWarning,
                      where,
                      "a sync of its log takes " + number_text("%.0f ms", *sum / *count * 1000) + " on average",
                      {},
                      "Every write waits for it: give --data a disk of its own, or a faster one"});
}

void diagnose_disk(const ProcessView& process, const std::string& where, std::vector<Finding>& findings) {
  const auto free = value(process, "trellis_worker_disk_free_bytes");
  const auto size = value(process, "trellis_worker_disk_size_bytes");
  if (!free || !size || *size == 0 || *free / *size >= kDiskFreeLeast) return;
  findings.push_back({*free / *size < kDiskFreeAtAll ? Severity::kFault : Severity::kWarning,
                      where,
                      "the disk of its --data has " + number_text("%.1f GB", *free / 1e9) + " left of " +
                          number_text("%.1f GB", *size / 1e9),
                      {},
                      "Make room: a worker whose log cannot be written stops serving"});
}

void diagnose_files(const ProcessView& process, const std::string& where, std::vector<Finding>& findings) {
  const auto open = value(process, "process_open_fds");
  const auto most = value(process, "process_max_fds");
  if (!open || !most || *open < kFilesMost * *most) return;
  findings.push_back({Severity::kWarning,
                      where,
                      number_text("%.0f files are open", *open) + number_text(", of %.0f that may be", *most),
                      {},
                      "Raise its limit of open files (LimitNOFILE, ulimit -n): new connections are refused at it"});
}

}  // namespace

void diagnose_processes(const std::vector<ProcessView>& processes, std::vector<Finding>& findings) {
  for (const ProcessView& process : processes) {
    const std::string where = "process at " + process.endpoint;
    if (!process.problem.empty()) {
      findings.push_back({Severity::kWarning,
                          where,
                          "its metrics cannot be read: " + process.problem,
                          {},
                          "Start it with --metrics, or look whether it runs"});
      continue;
    }
    diagnose_sync(process, where, findings);
    diagnose_disk(process, where, findings);
    diagnose_files(process, where, findings);
  }
}

}  // namespace trellis
