#include "cli/doctor/finding.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace trellis {
namespace {

std::vector<Finding> faults_first(std::vector<Finding> findings) {
  std::stable_partition(findings.begin(), findings.end(),
                        [](const Finding& finding) { return finding.severity == Severity::kFault; });
  return findings;
}

std::string seconds_text(std::chrono::milliseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(time.count()) / 1000);
  return text;
}

}  // namespace

bool any_settles(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& finding) { return finding.settles; });
}

int exit_code_of(const std::vector<Finding>& findings) {
  int code = 0;
  for (const Finding& finding : findings) code = std::max(code, finding.severity == Severity::kFault ? 2 : 1);
  return code;
}

std::string to_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : faults_first(findings)) {
    text += finding.severity == Severity::kFault ? "FAULT " : "WARNING ";
    text += finding.where + ": " + finding.what;
    if (finding.since) text += " (for " + seconds_text(*finding.since) + ")";
    text += ". " + finding.remedy + ".\n";
  }
  return text;
}

std::string to_json(const std::vector<Finding>& findings) {
  auto array = nlohmann::ordered_json::array();
  for (const Finding& finding : faults_first(findings)) {
    nlohmann::ordered_json object;
    object["severity"] = finding.severity == Severity::kFault ? "fault" : "warning";
    object["where"] = finding.where;
    object["what"] = finding.what;
    object["since_ms"] = nullptr;
    if (finding.since) object["since_ms"] = finding.since->count();
    object["remedy"] = finding.remedy;
    array.push_back(std::move(object));
  }
  return array.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace trellis
