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

std::optional<milliseconds> unheard_for(const MemberReport& member) {
  return member.last_heartbeat_ms ? std::optional(milliseconds(*member.last_heartbeat_ms)) : std::nullopt;
}

std::optional<double> request_us(const MemberReport& member) {
  const LoadReport& load = member.load;
  if (!load.requests || !load.request_us || *load.requests == 0) return std::nullopt;
  return static_cast<double>(*load.request_us) / static_cast<double>(*load.requests);
}

/// The median of the others' times; nothing where there are none.
std::optional<double> others_us(const std::vector<MemberReport>& members, const MemberReport& apart) {
  std::vector<double> times;
  for (const MemberReport& member : members) {
    const auto time = request_us(member);
    if (&member != &apart && time) times.push_back(*time);
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
                        "Look whether its machine and network are busy; after 1.5 s it counts as down"});
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
  const auto mine = request_us(member);
  const auto others = others_us(broker.members, member);
  if (mine && others && *mine >= kSlowLeast && *mine >= kSlowTimes * *others) {
    findings.push_back(
        {Severity::kWarning,
         where,
         "its requests have taken " + ms_text(*mine) + " since its start, and the others' " + ms_text(*others),
         {},
         "Look at the disk and the processor of its machine (docs/monitoring.md)"});
  }
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
}

}  // namespace trellis
