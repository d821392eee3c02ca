#include "sim/workload.hpp"

#include "protocol/packed.hpp"
#include "sim/cluster.hpp"

namespace trellis::sim {
namespace {

/// What is left of 64 bits is a whole number also as a float64, as COMPUTE answers it.
constexpr int kFractionBits = 11;
constexpr double kCounterShare = 0.06;

}  // namespace

std::string Workload::random_key() {
  const std::uint64_t number = cluster_.world().random().below(cluster_.shape().workload.keys);
  return (number % 2 == 0 ? "a/" : "b/") + std::to_string(number);
}

std::string Workload::random_counter() {
  constexpr std::uint64_t kCounters = 3;
  return "c/" + std::to_string(cluster_.world().random().below(kCounters));
}

std::string Workload::new_document() {
  std::string document;
  Random& random = cluster_.world().random();
  const std::size_t padding = random.below(cluster_.shape().workload.padding_max + 1);
  PackedWriter(document)
      .map(2)
      .str(kField)
      .natural(random.bits() >> kFractionBits)
      .str("pad")
      .str(std::string(padding, 'x'));
  return document;
}

/// Increments a counter, or reads one.
Operation Workload::counting() {
  Operation operation;
  operation.key = random_counter();
  operation.command = Command::kGet;
  if (!cluster_.world().random().chance(0.8)) return operation;
  operation.command = Command::kPatch;
  PackedWriter(operation.document).array(1).array(3).str("increment").array(0).natural(1);
  return operation;
}

std::uint64_t Workload::ttl_ms() {
  if (cluster_.shape().workload.ttl_ms != 0) return cluster_.shape().workload.ttl_ms;
  Random& random = cluster_.world().random();
  return random.chance(0.7) ? random.below(2'000) + 1 : random.below(8'000) + 1;
}

/// One that was stored lately; nothing where there is none.
std::string Workload::expiring_key() const {
  constexpr std::size_t kLookedAtMax = 300;
  const auto& known = cluster_.history().operations;
  std::vector<std::string_view> keys;
  for (std::size_t i = known.size(); i > 0 && i + kLookedAtMax > known.size(); --i) {
    const Operation& earlier = known[i - 1];
    if (earlier.command == Command::kPut && earlier.key.starts_with(ExpiryWatch::kPrefix)) keys.push_back(earlier.key);
  }
  return keys.empty() ? std::string() : std::string(cluster_.world().random().pick(keys));
}

/// Stores a document that expires under a key of its own, or does something with one of those.
Operation Workload::expiring() {
  Random& random = cluster_.world().random();
  Operation operation;
  operation.key = expiring_key();
  const std::uint64_t dice = random.below(100);
  if (dice < 30 || operation.key.empty()) {
    operation.command = Command::kPut;
    operation.key = std::string(ExpiryWatch::kPrefix) + std::to_string(cluster_.history().operations.size());
    operation.document = new_document();
    operation.ttl_ms = ttl_ms();
  } else if (dice < 36) {
    operation.command = Command::kExpire;
    if (random.chance(0.8)) operation.ttl_ms = ttl_ms();
  } else if (dice < 38) {
    operation.command = random.chance(0.5) ? Command::kDelete : Command::kPop;
  } else {
    operation.command = dice < 60 ? Command::kGet : dice < 75 ? Command::kHas : Command::kTtl;
  }
  return operation;
}

/// A read of one key.
Operation Workload::reading() {
  Random& random = cluster_.world().random();
  Operation operation;
  operation.key = random_key();
  operation.command = random.chance(0.8) ? Command::kGet : Command::kHas;
  return operation;
}

Operation Workload::operation(bool in_batch) {
  Random& random = cluster_.world().random();
  Operation operation;
  operation.key = random_key();
  if (random.chance(kCounterShare)) return counting();
  if (random.chance(cluster_.shape().workload.expiring)) return expiring();
  const std::uint64_t dice = random.below(in_batch ? 80 : 100);
  if (dice < 24) {
    operation.command = random.chance(0.7) ? Command::kPut : Command::kSet;
    operation.document = new_document();
    if (random.chance(0.15)) operation.if_absent = true;
    if (random.chance(cluster_.shape().workload.expiring)) operation.ttl_ms = ttl_ms();
  } else if (dice < 34) {
    operation.command = Command::kDelete;
  } else if (dice < 42) {
    operation.command = Command::kPop;
  } else if (dice < 65) {
    operation.command = Command::kGet;
  } else if (dice < 72) {
    operation.command = Command::kHas;
  } else if (dice < 80) {
    operation.command = Command::kQuery;
    operation.path = {std::string(kField)};
  } else {
    operation.command = dice < 88 ? Command::kKeys : dice < 94 ? Command::kScan : Command::kCount;
    operation.key = random.chance(0.3) ? "" : random.chance(0.5) ? "a/" : "b/";
    if (operation.command != Command::kCount) {
      operation.limit = static_cast<std::size_t>(random.between(1, 5));
      if (random.chance(0.4)) operation.after = random_key();
    }
  }
  const bool takes_version =
      operation.command == Command::kPut || operation.command == Command::kSet || operation.command == Command::kDelete;
  if (takes_version && !operation.if_absent && random.chance(0.2)) {
    // A version that this key had lately, where one is known.
    const auto& known = cluster_.history().operations;
    for (std::size_t i = known.size(); i > 0 && i + 60 > known.size(); --i) {
      const Operation& earlier = known[i - 1];
      if (earlier.key == operation.key && earlier.version) {
        operation.if_version = earlier.version;
        break;
      }
    }
  }
  if (!is_write(operation.command) && !in_batch && random.chance(0.1)) operation.stale = true;
  return operation;
}

std::vector<Operation> Workload::batch() {
  const std::uint64_t number = cluster_.history().operations.size() + 1;
  Random& random = cluster_.world().random();
  const double of_reads = cluster_.shape().workload.batches_of_reads;
  const bool only_reads = of_reads > 0 && random.chance(of_reads);
  std::vector<Operation> items(static_cast<std::size_t>(random.between(1, only_reads ? 12 : 6)));
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i] = only_reads ? reading() : operation(true);
    items[i].batch = number;
    items[i].item = static_cast<std::uint32_t>(i);
  }
  return items;
}

std::chrono::milliseconds Workload::timeout() {
  const WorkloadShape& shape = cluster_.shape().workload;
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      cluster_.world().random().between(shape.timeout_min, shape.timeout_max));
}

}  // namespace trellis::sim
