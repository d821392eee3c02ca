// Workload: what the clients of a simulation do, drawn at random over few keys, so that they meet.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sim/checker/history.hpp"

namespace trellis::sim {

class Cluster;

struct WorkloadShape {
  std::size_t keys = 8;
  std::size_t under_way = 2;  ///< Operations of one client at a time.
  Duration think_min{1'000};
  Duration think_max{40'000};
  std::size_t padding_max = 200;  ///< Bytes of a document.
  double batches = 0.08;          ///< Share of the requests that are a BATCH,
  double batches_of_reads = 0;    ///< and of these those that only read, more keys than others.
  double expiring = 0.06;         ///< Share of the operations that are on documents that expire.
  std::uint64_t ttl_ms = 0;       ///< What they are given; 0: up to 8 s, drawn.
  Duration timeout_min{300'000};
  Duration timeout_max{4'000'000};
};

class Workload {
 public:
  static constexpr std::string_view kField = "n";  ///< Every document has it: a whole number.

  explicit Workload(Cluster& cluster) : cluster_(cluster) {}

  /// One operation, without a session.
  Operation operation(bool in_batch);
  /// The items of a BATCH.
  std::vector<Operation> batch();
  std::string random_key();
  /// The key of a document that is a number, and changed by increments alone.
  std::string random_counter();
  /// A map with a whole number at kField, and padding.
  std::string new_document();
  std::chrono::milliseconds timeout();

 private:
  Operation counting();
  Operation reading();
  Operation expiring();
  std::string expiring_key() const;
  std::uint64_t ttl_ms();

  Cluster& cluster_;
};

}  // namespace trellis::sim
