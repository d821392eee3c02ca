#include "cli/doctor/observe.hpp"

#include <algorithm>
#include <thread>

#include "cli/doctor/metrics_reader.hpp"
#include "client/client.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

const std::string kNoArguments(1, '\x90');
/// Leaderships are handed over all the time, and are nobody's for a moment: such a partition is looked at once more.
constexpr std::chrono::seconds kHandoverMax{1};
/// What has been counted since a process began says little of the present: loads and metrics are looked at twice, so
/// far apart.
constexpr std::chrono::milliseconds kLooksApart{1'200};

Options options_of(std::chrono::milliseconds timeout) {
  Options options;
  options.timeout = timeout;
  return options;
}

/// Reads a reply's result with `read`, or says what is in its place.
template <typename T>
std::optional<T> take(const Answer& answer, std::optional<T> (*read)(std::string_view), std::string& problem) {
  std::optional<T> report;
  if (answer.reply.status != Code::kOk) {
    problem = answer.reply.info.message;
  } else if (report = read(answer.reply.result); !report) {
    problem = "its answer has another form";
  }
  return report;
}

BrokerView ask(Client& client, const std::string& endpoint, Options options) {
  BrokerView broker;
  broker.endpoint = endpoint;
  const auto status = take(client.call(Command::kStatus, kNoArguments, options), read_status_report, broker.problem);
  if (!status) return broker;
  broker.status = *status;
  options.load = true;
  auto members = take(client.call(Command::kMembers, kNoArguments, options), read_member_reports, broker.problem);
  if (members) broker.members = std::move(*members);
  return broker;
}

std::vector<LocationReport> locate_all(Client& client, std::uint64_t partitions, const Options& options) {
  std::vector<LocationReport> found;
  for (const std::string& key : key_of_each_partition(static_cast<std::uint32_t>(partitions))) {
    std::string arguments;
    PackedWriter(arguments).array(1).str(key);
    client.start(Command::kLocate, arguments, options, [&found](const Answer& answer) {
      std::string problem;
      if (auto report = take(answer, read_location_report, problem)) found.push_back(std::move(*report));
    });
  }
  while (client.under_way() > 0) client.run(std::chrono::milliseconds(100));
  std::sort(found.begin(), found.end(),
            [](const auto& one, const auto& other) { return one.partition < other.partition; });
  return found;
}

/// Where all partitions are, of which none is just between two leaders.
std::vector<LocationReport> locate_settled(Client& client, std::uint64_t partitions, const Options& options) {
  auto found = locate_all(client, partitions, options);
  if (std::all_of(found.begin(), found.end(), [](const LocationReport& each) { return each.leader.has_value(); })) {
    return found;
  }
  std::this_thread::sleep_for(kHandoverMax);
  return locate_all(client, partitions, options);
}

/// None where nobody can tell; why not is told of the partitions.
std::vector<MoveReport> moves_of(Client& client, const Options& options) {
  std::string problem;
  auto moves = take(client.call(Command::kMoves, kNoArguments, options), read_move_reports, problem);
  return moves ? std::move(*moves) : std::vector<MoveReport>();
}

ProcessView look_at(const Endpoint& endpoint) {
  auto metrics = read_metrics(endpoint);
  return {endpoint.text(), metrics ? "" : metrics.error().message, metrics ? std::move(*metrics) : MetricValues{}};
}

/// What processes count, and the load of workers as the first broker that answers tells it.
struct Counted {
  std::size_t broker = 0;  ///< Which one that is.
  std::vector<MemberReport> members;
  std::vector<MetricValues> metrics;
};

Counted look_at_counts(const std::vector<std::string>& brokers, const std::optional<UserKey>& user,
                       const std::vector<Endpoint>& metrics, const Options& options) {
  Counted counted;
  for (; counted.broker < brokers.size(); ++counted.broker) {
    Client client({brokers[counted.broker]}, Client::Absent::kTell, user);
    counted.members = ask(client, "", options).members;
    if (!counted.members.empty()) break;
  }
  for (const Endpoint& endpoint : metrics) counted.metrics.push_back(look_at(endpoint).metrics);
  return counted;
}

}  // namespace

std::vector<std::string> key_of_each_partition(std::uint32_t partitions) {
  std::vector<std::string> keys(partitions);
  std::uint32_t missing = partitions;
  for (std::uint64_t number = 0; missing > 0; ++number) {
    std::string key = std::to_string(number);
    std::string& its_place = keys[partition_of(key, partitions).value];
    if (!its_place.empty()) continue;
    its_place = std::move(key);
    --missing;
  }
  return keys;
}

Observation observe(const std::vector<std::string>& brokers, const std::optional<UserKey>& user,
                    const std::vector<Endpoint>& metrics, std::chrono::milliseconds timeout) {
  Observation seen;
  const Options options = options_of(timeout);
  Counted before = look_at_counts(brokers, user, metrics, options);
  if (before.broker < brokers.size() || !metrics.empty()) std::this_thread::sleep_for(kLooksApart);
  for (const std::string& endpoint : brokers) {
    Client client({endpoint}, Client::Absent::kTell, user);
    seen.brokers.push_back(ask(client, endpoint.substr(endpoint.find("://") + 3), options));
    const BrokerView& broker = seen.brokers.back();
    const bool knows =
        broker.problem.empty() && broker.status.is_formed() && broker.status.partitions <= kPartitionsMax;
    if (!seen.partitions.empty() || !knows) continue;
    seen.partitions = locate_settled(client, broker.status.partitions, options);
    seen.moves = moves_of(client, options);
  }
  if (before.broker < seen.brokers.size()) seen.brokers[before.broker].members_before = std::move(before.members);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    seen.processes.push_back(look_at(metrics[i]));
    seen.processes.back().metrics_before = std::move(before.metrics[i]);
  }
  return seen;
}

}  // namespace trellis
