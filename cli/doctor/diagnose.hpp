// From what was seen to what is wrong.  Pure; of a healthy cluster nothing is told.
//
// What has one cause is told in few lines: partitions that miss the same number of replicas share one.
#pragma once

#include <vector>

#include "cli/doctor/finding.hpp"
#include "cli/doctor/observation.hpp"

namespace trellis {

std::vector<Finding> diagnose(const Observation& seen);

/// Its parts.
void diagnose_brokers(const Observation& seen, std::vector<Finding>& findings);
void diagnose_workers(const BrokerView& broker, std::vector<Finding>& findings);
/// @param broker  whose word on the workers counts
void diagnose_partitions(const BrokerView& broker, const std::vector<LocationReport>& partitions,
                         std::vector<Finding>& findings);
void diagnose_moves(const std::vector<MoveReport>& moves, std::vector<Finding>& findings);
void diagnose_processes(const std::vector<ProcessView>& processes, std::vector<Finding>& findings);

}  // namespace trellis
