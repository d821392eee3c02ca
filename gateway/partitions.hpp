// /v1/partitions: the whole cluster map as the brokers see it, by one LOCATE of a key for each partition.
//
// Pure: it says what to ask and is handed the replies, in any order.  Invariant: answers once, after all are in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/plan.hpp"
#include "protocol/reply.hpp"

namespace trellis {

/// A key for each of `count` partitions, in their order.
std::vector<std::string> key_of_each_partition(std::uint32_t count);

class PartitionsGatherer {
 public:
  explicit PartitionsGatherer(const Plan& plan) : plan_(plan) {}

  /// The answer to the STATUS that comes first.  Returns the packed arguments of the LOCATEs to send, by partition; or
  /// none, where the response is there already.
  std::vector<std::string> on_status(const Reply& reply);
  void on_located(std::size_t partition, const Reply& reply);
  /// Once it is there.
  std::optional<HttpResponse> take_response();

 private:
  void finish();

  const Plan& plan_;
  std::vector<std::string> results_;
  std::size_t awaited_ = 0;
  std::optional<Reply> error_;
  std::optional<HttpResponse> response_;
};

}  // namespace trellis
