#include <algorithm>
#include <compare>
#include <map>
#include <set>

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

/// A partition's replicas that vote.
struct ReplicasUp {
  std::size_t all = 0;
  std::size_t up = 0;
  auto operator<=>(const ReplicasUp&) const = default;
  bool are_majority() const { return 2 * up > all; }
};

/// Replicas stand in as many zones as there are, or as there are replicas, once they are where they belong.
void diagnose_zones(const BrokerView& broker, const std::vector<LocationReport>& partitions,
                    std::vector<Finding>& findings) {
  std::map<std::string, std::string> zones;  // By the worker's id.
  for (const MemberReport& member : broker.members) zones[member.id] = member.zone.value_or("");
  std::map<std::size_t, std::vector<std::uint64_t>> in_few;
  for (const LocationReport& partition : partitions) {
    std::set<std::string> its_zones;
    for (const std::string& id : partition.replicas) its_zones.insert(zones[id]);
    const auto wanted = std::min<std::uint64_t>(broker.status.zones, partition.replicas.size());
    if (its_zones.size() < wanted) in_few[its_zones.size()].push_back(partition.partition);
  }
  for (const auto& [count, numbers] : in_few) {
    findings.push_back({Severity::kWarning,
                        partitions_text(numbers),
                        "the replicas stand in " + std::to_string(count) + " of " +
                            std::to_string(broker.status.zones) + " zones, so less may fail than should",
                        {},
                        "They move to where they belong: `trellis moves` shows how far each is"});
  }
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
                        "Leaders go where they belong once the others are level: look at those workers' lag",
                        true});
  }
}

}  // namespace

void diagnose_partitions(const BrokerView& broker, const std::vector<LocationReport>& partitions,
                         std::vector<Finding>& findings) {
  std::vector<std::uint64_t> without_leader;
  std::map<ReplicasUp, std::vector<std::uint64_t>> short_of_some;
  bool all_have_majorities = true;
  for (const LocationReport& partition : partitions) {
    const auto down = static_cast<std::size_t>(std::count_if(partition.replicas.begin(), partition.replicas.end(),
                                                             [&](const auto& id) { return is_down(broker, id); }));
    const ReplicasUp up{partition.replicas.size(), partition.replicas.size() - down};
    if (down > 0 || up.up < broker.status.replicas) short_of_some[up].push_back(partition.partition);
    if (!partition.leader) without_leader.push_back(partition.partition);
    all_have_majorities = all_have_majorities && up.are_majority();
  }
  const std::string start_again = "Start the workers again that are down";
  const std::string or_recover = "; where their disks are lost for good, `trellis recover` brings back what is left";
  for (const auto& [up, numbers] : short_of_some) {
    const std::uint64_t wanted = std::max<std::uint64_t>(broker.status.replicas, up.all);
    findings.push_back({up.are_majority() ? Severity::kWarning : Severity::kFault,
                        partitions_text(numbers),
                        std::to_string(up.up) + " of " + std::to_string(wanted) + " replicas are up" +
                            (up.are_majority() ? "" : ", which is no majority: nothing can be written"),
                        {},
                        up.up < up.all ? start_again + (up.are_majority() ? "" : or_recover)
                                       : "The others are on their way: `trellis moves` shows how far each is"});
  }
  // Without a majority there is none: that was told.
  if (!without_leader.empty() && all_have_majorities) {
    findings.push_back({Severity::kFault,
                        partitions_text(without_leader),
                        "no leader is known",
                        {},
                        "An election takes a second or two: look at the workers' logs why it does not end",
                        true});
  }
  diagnose_leaders(broker, broker.status.partitions, findings);
  diagnose_zones(broker, partitions, findings);
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
