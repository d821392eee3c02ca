#include "sim/recorded_call.hpp"

#include <utility>

#include "protocol/packed.hpp"
#include "sim/cluster.hpp"
#include "sim/operation_frames.hpp"

namespace trellis::sim {

RecordedCall::RecordedCall(Cluster& cluster, std::vector<Operation> operations, Duration timeout)
    : timeout_(timeout), is_batch_(operations.front().batch != 0) {
  auto& history = cluster.history().operations;
  for (Operation& operation : operations) {
    operation.call = cluster.world().now();
    cluster.expiry().on_call(operation);
    held_.push_back(cluster.answers().freshest_left(operation));
    operations_.push_back(history.size());
    history.push_back(std::move(operation));
  }
}

const Operation& RecordedCall::first(const Cluster& cluster) const {
  return cluster.history().operations[operations_.front()];
}

void RecordedCall::end(Cluster& cluster, const Reply& reply) const {
  ++cluster.counters().answered;
  if (reply.status == Code::kOk) ++cluster.counters().ok;
  if (is_batch_ && reply.status == Code::kOk) return end_batch(cluster, reply);
  for (std::size_t i = 0; i < operations_.size(); ++i) end_item(cluster, i, reply.status, reply.result, reply.info);
}

void RecordedCall::end_batch(Cluster& cluster, const Reply& reply) const {
  PackedReader items(reply.result);
  if (items.read_array() != operations_.size()) {
    return cluster.world().violate("a BATCH was answered with another number of results");
  }
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    items.read_array();
    const auto status = code_of(items.read_str().value_or(""));
    const std::string_view result = items.read_value().value_or("");
    auto info = read_info(items.read_value().value_or(""));
    if (!status || !info) return cluster.world().violate("a BATCH's answer cannot be read");
    info->warnings = reply.info.warnings;
    end_item(cluster, i, *status, result, *info);
  }
}

void RecordedCall::end_item(Cluster& cluster, std::size_t item, Code status, std::string_view result,
                            const ReplyInfo& info) const {
  Operation& operation = cluster.history().operations[operations_[item]];
  operation.returned = cluster.world().now();
  take_result(operation, status, result, info);
  cluster.answers().check(operation, info, timeout_, held_[item]);
  cluster.expiry().on_answer(operation, info);
}

}  // namespace trellis::sim
