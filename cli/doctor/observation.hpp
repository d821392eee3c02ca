// What the doctor has seen of a cluster: each broker's word, the partitions' places, and the processes' metrics.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/reports.hpp"

namespace trellis {

struct BrokerView {
  std::string endpoint;
  std::string problem;  ///< Why it did not answer; empty: it did.
  StatusReport status;
  std::vector<MemberReport> members;  ///< With their load.
  /// The same some time before, for what counts since a worker's start; empty: it was not asked then.
  std::vector<MemberReport> members_before{};
};

/// Values of /metrics by their whole name, labels included, as they stand there.
using MetricValues = std::map<std::string, double>;

struct ProcessView {
  std::string endpoint;  ///< Where its /metrics are.
  std::string problem;   ///< Why they could not be read; empty: they were.
  MetricValues metrics;
  MetricValues metrics_before{};  ///< The same some time before; empty likewise.
};

struct Observation {
  std::vector<BrokerView> brokers;
  std::vector<LocationReport> partitions;  ///< As the first broker that knows them tells them.
  std::vector<MoveReport> moves;           ///< As the first broker that could ask tells them.
  std::vector<ProcessView> processes;
};

}  // namespace trellis
