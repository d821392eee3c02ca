#include "sim/checker/checker.hpp"

#include <iterator>

#include "sim/checker/listing_check.hpp"
#include "sim/checker/version_check.hpp"

namespace trellis::sim {

Judgement judge(const History& history, const LinearizabilityOptions& options) {
  Judgement out;
  const auto add = [&out](std::vector<Violation> violations) {
    std::move(violations.begin(), violations.end(), std::back_inserter(out.violations));
  };
  LinearizabilityVerdict verdict = check_linearizability(history, options);
  add(std::move(verdict.violations));
  add(check_versions(history));
  add(check_weak_reads(history));
  add(check_listings(history));
  out.undecided = std::move(verdict.undecided);
  out.operations = history.operations.size();
  out.keys = verdict.keys;
  out.configurations = verdict.configurations;
  return out;
}

std::string to_text(const Judgement& judgement, const History& history) {
  const std::string size =
      std::to_string(judgement.operations) + " operations on " + std::to_string(judgement.keys) + " keys";
  if (judgement.is_right()) return "right: " + size + '\n';
  std::string out = "WRONG: " + std::to_string(judgement.violations.size()) + " violations in " + size + '\n';
  if (judgement.violations.empty()) out = "UNDECIDED: " + size + '\n';
  for (const Violation& violation : judgement.violations) out += to_text(violation, history);
  for (const std::string& key : judgement.undecided) {
    out += "key " + quoted_bytes(key) + ": given up, too many operations at the same time to judge\n";
  }
  return out;
}

}  // namespace trellis::sim
