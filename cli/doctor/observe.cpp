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
  for (const Endpoint& endpoint : metrics) seen.processes.push_back(look_at(endpoint));
  return seen;
}

}  // namespace trellis
