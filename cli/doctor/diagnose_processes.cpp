#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/doctor/diagnose.hpp"

namespace trellis {
namespace {

constexpr double kSyncMax = 0.020;       ///< Seconds, on average: disks that are made for it take a hundredth.
constexpr double kDiskFreeLeast = 0.10;  ///< A share of the whole.
constexpr double kDiskFreeAtAll = 0.02;  ///< Below this a log is soon not written any more.
constexpr double kFilesMost = 0.80;      ///< A share of those that may be open.
constexpr double kHour = 3'600;          ///< Seconds; a disk that is full within one is a fault,
constexpr double kDay = 24 * kHour;      ///< and within this a warning.
constexpr double kSyncsLeast = 5;        ///< So many between two looks say what one takes now.

std::optional<double> value(const MetricValues& metrics, const std::string& name) {
  const auto at = metrics.find(name);
  return at == metrics.end() ? std::nullopt : std::optional(at->second);
}
std::optional<double> value(const ProcessView& process, const std::string& name) {
  return value(process.metrics, name);
}

std::string number_text(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

void diagnose_sync(const ProcessView& process, const std::string& where, std::vector<Finding>& findings) {
  const std::string sum_name = "trellis_worker_log_sync_duration_seconds_sum";
  const std::string count_name = "trellis_worker_log_sync_duration_seconds_count";
  auto sum = value(process, sum_name);
  auto count = value(process, count_name);
  if (!sum || !count) return;
  const double sum_before = value(process.metrics_before, sum_name).value_or(0);
  const double count_before = value(process.metrics_before, count_name).value_or(0);
  const bool is_of_late = count_before > 0 && *count >= count_before + kSyncsLeast;
  if (is_of_late) {
    *sum -= sum_before;
    *count -= count_before;
  }
  if (*count == 0 || *sum / *count < kSyncMax) return;
  findings.push_back(
      {Severity::kWarning,
       where,
       "a sync of its log " +
           number_text(is_of_late ? "takes %.0f ms" : "has taken %.0f ms since its start", *sum / *count * 1000) +
           ", on average",
       {},
       "Every write waits for it: give --data a disk of its own, or a faster one"});
}

/// By what is left, and by how long that lasts.
void diagnose_disk(const ProcessView& process, const std::string& where, std::vector<Finding>& findings) {
  const auto free = value(process, "trellis_worker_disk_free_bytes");
  const auto size = value(process, "trellis_worker_disk_size_bytes");
  if (!free || !size || *size == 0) return;
  const double full_in = value(process, "trellis_worker_disk_full_in_seconds").value_or(2 * kDay);
  if (*free / *size >= kDiskFreeLeast && full_in >= kDay) return;
  std::string what = "the disk of its --data has " + number_text("%.1f GB", *free / 1e9) + " left of " +
                     number_text("%.1f GB", *size / 1e9);
  if (full_in < kDay) {
    what += ", and is full in " + number_text("%.1f hours", full_in / kHour) + " at the present rate, " +
            number_text("%.1f MB/s", *free / std::max(full_in, 1.0) / 1e6);
  }
  findings.push_back({*free / *size < kDiskFreeAtAll || full_in < kHour ? Severity::kFault : Severity::kWarning,
                      where,
                      what,
                      {},
                      "Make room, or move replicas to further workers (trellis-worker --join): a worker whose log "
                      "cannot be written stops serving"});
}

/// What differs is told once, of all of them.
void diagnose_versions(const std::vector<ProcessView>& processes, std::vector<Finding>& findings) {
  constexpr std::string_view kBegin = "trellis_build_info{version=\"";
  std::map<std::string, std::string> by_version;  // Endpoints.
  for (const ProcessView& process : processes) {
    const auto info = process.metrics.lower_bound(std::string(kBegin));
    if (info == process.metrics.end() || !info->first.starts_with(kBegin)) continue;
    const std::string version = info->first.substr(kBegin.size(), info->first.find('"', kBegin.size()) - kBegin.size());
    std::string& endpoints = by_version[version];
    endpoints += (endpoints.empty() ? "" : ", ") + process.endpoint;
  }
  if (by_version.size() < 2) return;
  std::string what;
  for (const auto& [version, endpoints] : by_version) {
    what += (what.empty() ? "version " : ", and version ") + version + " runs at " + endpoints;
  }
  findings.push_back({Severity::kWarning, "cluster", what, {}, "Bring all to one version (docs/upgrade.md)"});
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
  diagnose_versions(processes, findings);
}

}  // namespace trellis
