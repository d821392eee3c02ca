#include "sim/checker/checker.hpp"

#include <iterator>

#include "sim/checker/counter_check.hpp"
#include "sim/checker/listing_check.hpp"
#include "sim/checker/version_check.hpp"

namespace trellis::sim {

Verdict check(const History& history, const LinearizabilityOptions& options) {
  Verdict out;
  const auto add = [&out](std::vector<Violation> violations) {
    std::move(violations.begin(), violations.end(), std::back_inserter(out.violations));
  };
  LinearizabilityVerdict linearizability = check_linearizability(history, options);
  add(std::move(linearizability.violations));
  add(check_versions(history));
  add(check_weak_reads(history));
  add(check_listings(history));
  add(check_counters(history));
  out.undecided = std::move(linearizability.undecided);
  out.operations = history.operations.size();
  out.keys = linearizability.keys;
  out.configurations = linearizability.configurations;
  return out;
}

std::string to_text(const Verdict& verdict, const History& history) {
  const std::string size =
      std::to_string(verdict.operations) + " operations on " + std::to_string(verdict.keys) + " keys";
  if (verdict.is_right()) return "right: " + size + '\n';
  std::string out = "WRONG: " + std::to_string(verdict.violations.size()) + " violations in " + size + '\n';
  if (verdict.violations.empty()) out = "UNDECIDED: " + size + '\n';
  for (const Violation& violation : verdict.violations) out += to_text(violation, history);
  for (const std::string& key : verdict.undecided) {
    out += "key " + quoted_bytes(key) + ": given up, too many operations at the same time to check\n";
  }
  return out;
}

}  // namespace trellis::sim
