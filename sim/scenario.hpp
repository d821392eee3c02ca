// Scenarios: what a run concentrates on, where random faults would take long to come to it.
//
// Each is one row of a table: its name, what it does, the shape that it gives the cluster, and its faults.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace trellis::sim {

class Cluster;
class Faults;
struct ClusterShape;

enum class Scenario : std::uint8_t {
  kAny,
  kElections,
  kLaggards,
  kLeaders,
  kBlackouts,
  kSeclusions,
  kTwoLives,
  kEchoes,
  kTogether,
  kFives,
  kFewLeft,
  kHiccups,
  kSessions,
  kCopies,
  kSlowLinks,
  kBrokenLinks,
  kDisks,
  kExpiry,
  kJoins,
  kMoves,
  kOutsiders,
  kLateWishes,
  kZones,
  kRepair,
  kRecover,
  kDisputes,
  kRoles,
  kBackups,
  kGroup,
  kMembers,
  kCount,  ///< How many there are; none itself.
};
constexpr std::size_t kScenarioCount = static_cast<std::size_t>(Scenario::kCount);

struct ScenarioRow {
  Scenario scenario;
  std::string_view name;
  std::string_view what;
  /// Gives its shape to a cluster that was drawn at random; null: leaves it as it is.
  void (*shape)(ClusterShape& shape);
  /// Gives its conditions to network and disks, and its faults to the run; null: leaves them as they were drawn.
  void (*focus)(Faults& faults, Cluster& cluster);
};

const ScenarioRow& row_of(Scenario scenario);
std::span<const ScenarioRow> all_scenarios();
std::optional<Scenario> scenario_of(std::string_view name);

/// A scenario of the replicas of one partition by themselves (sim/group/group.hpp), without brokers and clients.
constexpr bool is_of_group(Scenario scenario) { return scenario == Scenario::kGroup || scenario == Scenario::kMembers; }

}  // namespace trellis::sim
