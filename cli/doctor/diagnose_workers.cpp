#include <algorithm>
#include <cstdio>

#include "cli/doctor/diagnose.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;

/// A replica that is behind for longer than this does not keep up; a heartbeat and a sync take a hundredth of it.
constexpr std::uint64_t kLagMax = 1'000;  // ms
/// A worker is slow where its requests take this many times what the others' do, and a time that one notices.
constexpr double kSlowTimes = 5;
constexpr double kSlowLeast = 5'000;  // microseconds
/// So many requests between two looks say what one takes now; with fewer, all since the worker's start are taken.
constexpr std::uint64_t kRequestsLeast = 20;

std::optional<milliseconds> unheard_for(const MemberReport& member) {
  return member.last_heartbeat_ms ? std::optional(milliseconds(*member.last_heartbeat_ms)) : std::nullopt;
}

/// What a request has taken.
struct Pace {
  double microseconds = 0;
  bool is_of_late = false;  ///< Between the two looks; else since the worker's start.
};

std::optional<Pace> pace_of(const BrokerView& broker, const MemberReport& member) {
  const LoadReport& now = member.load;
  if (!now.requests || !now.request_us || *now.requests == 0) return std::nullopt;
  const auto whole = Pace{static_cast<double>(*now.request_us) / static_cast<double>(*now.requests), false};
  const auto before = std::find_if(broker.members_before.begin(), broker.members_before.end(),
                                   [&member](const MemberReport& each) { return each.id == member.id; });
  if (before == broker.members_before.end()) return whole;
  const std::uint64_t requests = before->load.requests.value_or(0);
  const std::uint64_t took = before->load.request_us.value_or(0);
  if (*now.requests < requests + kRequestsLeast || *now.request_us < took) return whole;
  return Pace{static_cast<double>(*now.request_us - took) / static_cast<double>(*now.requests - requests), true};
}

/// The median of the others' times; nothing where there are none.
std::optional<double> others_us(const BrokerView& broker, const MemberReport& apart) {
  std::vector<double> times;
  for (const MemberReport& member : broker.members) {
    const auto pace = pace_of(broker, member);
    if (&member != &apart && pace) times.push_back(pace->microseconds);
  }
  if (times.empty()) return std::nullopt;
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

std::string ms_text(double microseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", microseconds / 1000);
  return text;
}

void diagnose_state(const MemberReport& member, Severity severity, const std::string& tolerance,
                    std::vector<Finding>& findings) {
  const std::string where = "worker " + member.address;
  if (member.state == "down") {
    findings.push_back({severity, where, "it is down; " + tolerance, unheard_for(member),
                        "Start it again with its --data and -p; its log says why it ended"});
  } else if (member.state == "suspect") {
    findings.push_back({Severity::kWarning, where, "nothing was heard of it", unheard_for(member),
                        "Look whether its machine and network are busy; after 1.5 s it counts as down", true});
  }
}

void diagnose_pace(const BrokerView& broker, const MemberReport& member, std::vector<Finding>& findings) {
  if (member.state == "down") return;
  const std::string where = "worker " + member.address;
  if (member.load.lag_ms >= kLagMax) {
    findings.push_back({Severity::kWarning, where,
                        "its replicas are " + std::to_string(member.load.lag_entries) + " entries behind their leaders",
                        milliseconds(member.load.lag_ms),
                        "It catches up by itself after a restart; else look at its disk and its network"});
  }
  const auto mine = pace_of(broker, member);
  const auto others = others_us(broker, member);
  if (mine && others && mine->microseconds >= kSlowLeast && mine->microseconds >= kSlowTimes * *others) {
    findings.push_back({Severity::kWarning,
                        where,
                        "its requests " + std::string(mine->is_of_late ? "take " : "have taken ") +
                            ms_text(mine->microseconds) + (mine->is_of_late ? "" : " since its start") +
                            ", and the others' " + ms_text(*others),
                        {},
                        "Look at the disk and the processor of its machine (docs/monitoring.md)"});
  }
}

/// What only some workers know is not used by any of them.
void diagnose_levels(const BrokerView& broker, std::vector<Finding>& findings) {
  std::uint64_t highest = 0;
  for (const MemberReport& member : broker.members) highest = std::max(highest, member.level.value_or(0));
  const std::uint64_t level = broker.status.level;
  if (level == 0 || highest <= level) return;
  std::string behind;
  for (const MemberReport& member : broker.members) {
    if (member.level.value_or(0) < highest) behind += (behind.empty() ? "" : ", ") + member.address;
  }
  if (behind.empty()) return;  // It is raised within moments.
  findings.push_back({Severity::kWarning,
                      "cluster",
                      "its level is " + std::to_string(level) + ", and some of its workers know " +
                          std::to_string(highest) + ", but not " + behind,
                      {},
                      "Start those with the newer version as well (docs/upgrade.md)"});
}

/// Where there are several zones, but not one for each replica, the loss of one of them can take a majority.
void diagnose_zones(const StatusReport& status, std::vector<Finding>& findings) {
  if (status.zones < 2 || status.zones >= status.replicas) return;
  findings.push_back({Severity::kWarning,
                      "cluster",
                      "its workers stand in " + std::to_string(status.zones) + " zones, and a partition has " +
                          std::to_string(status.replicas) + " replicas: the loss of one zone can stop partitions",
                      {},
                      "Start a worker in another zone (docs/operating.md)"});
}

/// Each partition has 2k-1 replicas where there are as many workers.
void diagnose_size(const StatusReport& status, std::vector<Finding>& findings) {
  const std::uint64_t wanted = 2 * status.k - 1;
  if (status.k == 0 || status.workers >= wanted) return;
  findings.push_back({Severity::kWarning,
                      "cluster",
                      "k=" + std::to_string(status.k) + " takes " + std::to_string(wanted) + " workers, and there " +
                          (status.workers == 1 ? "is 1" : "are " + std::to_string(status.workers)) + ": " +
                          std::to_string(status.tolerates) + " may be down instead of " + std::to_string(status.k - 1),
                      {},
                      "Add a worker (trellis-worker --join), or lower k (trellis settings k=...)"});
}

}  // namespace

void diagnose_workers(const BrokerView& broker, std::vector<Finding>& findings) {
  const StatusReport& status = broker.status;
  const auto down = static_cast<std::uint64_t>(std::count_if(
      broker.members.begin(), broker.members.end(), [](const MemberReport& member) { return member.state == "down"; }));
  const bool is_too_many = down > status.tolerates;
  const std::string tolerance = std::to_string(down) + " of " + std::to_string(status.workers) + " are, and " +
                                std::to_string(status.tolerates) + " may be";
  for (const MemberReport& member : broker.members) {
    diagnose_state(member, is_too_many ? Severity::kFault : Severity::kWarning, tolerance, findings);
    diagnose_pace(broker, member, findings);
  }
  diagnose_size(status, findings);
  diagnose_zones(status, findings);
  diagnose_levels(broker, findings);
}

}  // namespace trellis
