#include "cli/doctor/diagnose.hpp"

#include <algorithm>

namespace trellis {
namespace {

const MemberReport* find_member(const BrokerView& broker, const std::string& id) {
  const auto at = std::find_if(broker.members.begin(), broker.members.end(),
                               [&id](const MemberReport& member) { return member.id == id; });
  return at == broker.members.end() ? nullptr : &*at;
}

std::string cluster_text(const StatusReport& status) {
  return "cluster " + status.cluster.value_or("none") + ", k=" + std::to_string(status.k) + ", " +
         std::to_string(status.partitions) + " partitions";
}

/// Two brokers that tell of different clusters, or that one hears a worker and the other does not.
void compare(const BrokerView& first, const BrokerView& other, std::vector<Finding>& findings) {
  const std::string where = "broker " + other.endpoint;
  if (cluster_text(first.status) != cluster_text(other.status)) {
    findings.push_back({Severity::kFault,
                        where,
                        "it serves " + cluster_text(other.status) + ", and broker " + first.endpoint + " serves " +
                            cluster_text(first.status),
                        {},
                        "Look which workers connect to its --backend; a broker of another cluster needs another list"});
    return;
  }
  if (first.status.version != other.status.version) {
    findings.push_back({Severity::kWarning,
                        where,
                        "it runs version " + other.status.version + ", and broker " + first.endpoint + " version " +
                            first.status.version,
                        {},
                        "Bring all to one version"});
  }
  for (const MemberReport& member : first.members) {
    const MemberReport* const same = find_member(other, member.id);
    const bool is_up = member.state != "down";
    if (same == nullptr || (same->state != "down") == is_up) continue;
    const BrokerView& deaf = is_up ? other : first;
    findings.push_back(
        {Severity::kWarning,
         "broker " + deaf.endpoint,
         "it does not hear worker " + member.address + ", which broker " + (is_up ? first : other).endpoint + " hears",
         {},
         "Give the worker this broker's --backend with -b, and look at the network between them"});
  }
}

}  // namespace

void diagnose_brokers(const Observation& seen, std::vector<Finding>& findings) {
  const BrokerView* first = nullptr;
  const bool any_answers = std::any_of(seen.brokers.begin(), seen.brokers.end(),
                                       [](const BrokerView& broker) { return broker.problem.empty(); });
  for (const BrokerView& broker : seen.brokers) {
    if (!broker.problem.empty()) {
      findings.push_back({any_answers ? Severity::kWarning : Severity::kFault,
                          "broker " + broker.endpoint,
                          "it does not answer: " + broker.problem,
                          {},
                          "Start it again (trellis-broker), or look at the network in between"});
    } else if (first == nullptr) {
      first = &broker;
    } else {
      compare(*first, broker, findings);
    }
  }
}

std::vector<Finding> diagnose(const Observation& seen) {
  std::vector<Finding> findings;
  diagnose_brokers(seen, findings);
  const auto first = std::find_if(seen.brokers.begin(), seen.brokers.end(),
                                  [](const BrokerView& broker) { return broker.problem.empty(); });
  if (first != seen.brokers.end() && !first->status.is_formed()) {
    findings.push_back({Severity::kFault,
                        "cluster",
                        "it is not formed",
                        {},
                        "Start all workers of the server file, with this broker's --backend"});
  } else if (first != seen.brokers.end()) {
    diagnose_workers(*first, findings);
    diagnose_partitions(*first, seen.partitions, findings);
    diagnose_moves(seen.moves, findings);
  }
  diagnose_processes(seen.processes, findings);
  return findings;
}

}  // namespace trellis
