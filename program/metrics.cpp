#include "program/metrics.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <fstream>

#include "program/resources.hpp"

namespace trellis {
namespace {

std::string number(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  return std::string(digits, end.ptr);
}

void append_label(std::string& out, Label label) {
  out.append(label.first).append("=\"");
  for (const char c : label.second) {
    if (c == '\n') {
      out.append("\\n");
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

double open_files() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  double count = -3;  // Not ".", "..", nor the folder's own.
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

double files_at_most() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

const double kStarted = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

}  // namespace

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  file >> pages >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void MetricsText::line(std::string_view suffix, Labels labels, Label more, std::string_view value) {
  text_.append(family_).append(suffix);
  std::string all;
  for (const Label& label : labels) append_label(all += all.empty() ? "" : ",", label);
  if (!more.first.empty()) append_label(all += all.empty() ? "" : ",", more);
  if (!all.empty()) text_.append("{").append(all).append("}");
  text_.append(" ").append(value).append("\n");
}

MetricsText& MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
  family_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  return *this;
}

MetricsText& MetricsText::sample(Labels labels, double value) {
  line("", labels, {}, number(value));
  return *this;
}

MetricsText& MetricsText::sample(Labels labels, std::uint64_t value) {
  line("", labels, {}, std::to_string(value));
  return *this;
}

MetricsText& MetricsText::buckets(Labels labels, std::span<const double> bounds, std::span<const std::uint64_t> counts,
                                  double sum) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    below += counts[i];
    line("_bucket", labels, {"le", number(bounds[i])}, std::to_string(below));
  }
  below += counts.back();
  line("_bucket", labels, {"le", "+Inf"}, std::to_string(below));
  line("_sum", labels, {}, number(sum));
  line("_count", labels, {}, std::to_string(below));
  return *this;
}

MetricsText& MetricsText::counter(std::string_view name, std::string_view help, std::uint64_t value) {
  return family(name, "counter", help).sample({}, value);
}

MetricsText& MetricsText::gauge(std::string_view name, std::string_view help, double value) {
  return family(name, "gauge", help).sample({}, value);
}

MetricsText& MetricsText::process() {
  family("trellis_build_info", "gauge", "1; the label has the version of the software.")
      .sample({{"version", TRELLIS_VERSION}}, std::uint64_t{1});
  gauge("process_resident_memory_bytes", "Memory that the process has in RAM.", static_cast<double>(resident_bytes()));
  gauge("process_open_fds", "Open file descriptors.", open_files());
  gauge("process_max_fds", "File descriptors that may be open.", files_at_most());
  return gauge("process_start_time_seconds", "When the process began, since the epoch.", kStarted);
}

MetricsText& MetricsText::disk(std::string_view program, const std::string& folder) {
  const auto disk = disk_bytes(folder);
  if (!disk) return *this;
  const std::string prefix = "trellis_" + std::string(program) + "_disk_";
  gauge(prefix + "free_bytes", "Left on the file system of the data folder.", static_cast<double>(disk->free));
  return gauge(prefix + "size_bytes", "Size of the file system of the data folder.", static_cast<double>(disk->size));
}

}  // namespace trellis
