// The shapes and the faults of scenarios in which members come and go (sim/scenarios.cpp).
#pragma once

#include "sim/cluster.hpp"
#include "sim/faults.hpp"

namespace trellis::sim {

/// Many clients that do not wait long between their operations.
inline void busy_clients(ClusterShape& shape, std::size_t under_way, Duration think_max) {
  shape.clients = 4;
  shape.workload.under_way = under_way;
  shape.workload.think_max = think_max;
}

void shape_joins(ClusterShape& shape);
void shape_moves(ClusterShape& shape);
void shape_outsiders(ClusterShape& shape);
void shape_late_wishes(ClusterShape& shape);
void shape_repair(ClusterShape& shape);
void shape_recover(ClusterShape& shape);
void shape_disputes(ClusterShape& shape);
void focus_joins(Faults& faults, Cluster& cluster);
void focus_moves(Faults& faults, Cluster& cluster);
void focus_outsiders(Faults& faults, Cluster& cluster);
void focus_late_wishes(Faults& faults, Cluster& cluster);
void focus_repair(Faults& faults, Cluster& cluster);
void focus_recover(Faults& faults, Cluster& cluster);

}  // namespace trellis::sim
