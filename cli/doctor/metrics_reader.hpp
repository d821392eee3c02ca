// Reads what a process serves under /metrics, in Prometheus' text format.
#pragma once

#include <string_view>

#include "cli/doctor/observation.hpp"
#include "protocol/endpoint.hpp"

namespace trellis {

/// Values by their whole name, with labels where they have some.  Lines that are no sample are passed over.
MetricValues parse_metrics(std::string_view text);

/// Asks over HTTP, and waits 3 s at most for each part of the answer.  Error: kUnavailable.
Result<MetricValues> read_metrics(const Endpoint& endpoint);

}  // namespace trellis
