// RecordedCall: one call of a client in the history of all, its operations and what was known when they were asked.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "protocol/reply.hpp"
#include "sim/answer_check.hpp"
#include "sim/checker/history.hpp"

namespace trellis::sim {

class Cluster;

class RecordedCall {
 public:
  RecordedCall() = default;
  /// Begins now: one operation, or the items of a BATCH.
  RecordedCall(Cluster& cluster, std::vector<Operation> operations, Duration timeout);

  /// Writes down what the client is told now, and checks it.
  void end(Cluster& cluster, const Reply& reply) const;

  const Operation& first(const Cluster& cluster) const;
  bool is_batch() const { return is_batch_; }
  /// Their places in the history.
  const std::vector<std::size_t>& operations() const { return operations_; }

 private:
  void end_batch(Cluster& cluster, const Reply& reply) const;
  void end_item(Cluster& cluster, std::size_t item, Code status, std::string_view result, const ReplyInfo& info) const;

  std::vector<std::size_t> operations_;            ///< In the history.
  std::vector<std::optional<HeldDocument>> held_;  ///< One an operation, see AnswerCheck::freshest_left().
  Duration timeout_{};
  bool is_batch_ = false;
};

}  // namespace trellis::sim
