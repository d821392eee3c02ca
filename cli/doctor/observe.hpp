// Looks at a cluster, for the doctor: asks each broker by itself, where all partitions are, and reads metrics.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/doctor/observation.hpp"
#include "program/user_key.hpp"
#include "protocol/endpoint.hpp"

namespace trellis {

/// A key for each partition, in their order: any key is in one, and which one its hash says.
std::vector<std::string> key_of_each_partition(std::uint32_t partitions);

/// @param brokers  as tcp://HOST:PORT
/// @param timeout  of each question
Observation observe(const std::vector<std::string>& brokers, const std::optional<UserKey>& user,
                    const std::vector<Endpoint>& metrics, std::chrono::milliseconds timeout);

}  // namespace trellis
