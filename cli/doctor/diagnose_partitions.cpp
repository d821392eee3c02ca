#include <algorithm>
#include <map>

#include "cli/doctor/diagnose.hpp"
#include "protocol/cluster/ring.hpp"

namespace trellis {
namespace {

/// "partition 7", or "partitions 1, 2, 3 and 9 more".
std::string partitions_text(const std::vector<std::uint64_t>& numbers) {
  constexpr std::size_t kNamedMax = 8;
  std::string text = numbers.size() == 1 ? "partition " : "partitions ";
  for (std::size_t i = 0; i < std::min(numbers.size(), kNamedMax); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(numbers[i]);
  }
  if (numbers.size() > kNamedMax) text += " and " + std::to_string(numbers.size() - kNamedMax) + " more";
  return text;
}

bool is_down(const BrokerView& broker, const std::string& id) {
  return std::any_of(broker.members.begin(), broker.members.end(),
                     [&id](const MemberReport& member) { return member.id == id && member.state == "down"; });
}

/// Where all workers are up, each leads its share at most: a leader gives back what is another's within seconds.
void diagnose_leaders(const BrokerView& broker, std::uint64_t partitions, std::vector<Finding>& findings) {
  const auto is_up = [](const MemberReport& member) { return member.state == "up"; };
  if (!std::all_of(broker.members.begin(), broker.members.end(), is_up) || broker.members.empty()) return;
  const std::uint64_t bound =
      load_bound(static_cast<std::uint32_t>(partitions), static_cast<std::uint32_t>(broker.members.size()));
  for (const MemberReport& member : broker.members) {
    if (member.leads.value_or(0) <= bound) continue;
    findings.push_back({Severity::kWarning,
                        "worker " + member.address,
                        "it leads " + std::to_string(*member.leads) + " of " + std::to_string(partitions) +
                            " partitions, and its share is " + std::to_string(bound) + " at most",
                        {},
                        "Wait some seconds: leaders go where they belong once the others are level; if they do not, "
                        "look at those workers' lag"});
  }
}

}  // namespace

void diagnose_partitions(const BrokerView& broker, const std::vector<LocationReport>& partitions,
                         std::vector<Finding>& findings) {
  std::vector<std::uint64_t> without_leader;
  std::map<std::size_t, std::vector<std::uint64_t>> by_replicas_down;
  for (const LocationReport& partition : partitions) {
    const auto down = static_cast<std::size_t>(std::count_if(partition.replicas.begin(), partition.replicas.end(),
                                                             [&](const auto& id) { return is_down(broker, id); }));
    if (down > 0) by_replicas_down[down].push_back(partition.partition);
    if (!partition.leader) without_leader.push_back(partition.partition);
  }
  const std::uint64_t replicas = broker.status.replicas;
  for (const auto& [down, numbers] : by_replicas_down) {
    const bool has_majority = 2 * (replicas - down) > replicas;
    const std::string up = std::to_string(replicas - down) + " of " + std::to_string(replicas) + " replicas are up";
    findings.push_back({has_majority ? Severity::kWarning : Severity::kFault,
                        partitions_text(numbers),
                        up + (has_majority ? "" : ", which is no majority: nothing can be written"),
                        {},
                        "Start the workers again that are down"});
  }
  // Without a majority there is none: that was told.
  const bool all_have_majorities = by_replicas_down.empty() || 2 * by_replicas_down.rbegin()->first < replicas;
  if (!without_leader.empty() && all_have_majorities) {
    findings.push_back({Severity::kFault,
                        partitions_text(without_leader),
                        "no leader is known",
                        {},
                        "An election takes a second or two; if it does not end, look at the workers' logs"});
  }
  diagnose_leaders(broker, broker.status.partitions, findings);
}

/// One that says what it waits for, or what failed, waits for somebody; the others are on their way.
void diagnose_moves(const std::vector<MoveReport>& moves, std::vector<Finding>& findings) {
  std::map<std::string, std::vector<std::uint64_t>> by_note;
  for (const MoveReport& move : moves) {
    if (!move.note.empty()) by_note[move.note].push_back(move.partition);
  }
  for (const auto& [note, partitions] : by_note) {
    findings.push_back({Severity::kWarning,
                        partitions_text(partitions),
                        "replicas wait on their way to another worker: " + note,
                        {},
                        "`trellis moves` shows how far each is"});
  }
}

}  // namespace trellis
