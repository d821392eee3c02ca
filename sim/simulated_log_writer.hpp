// SimulatedLogWriter: carries a log's writes to a MemoryDisk, in simulated time.
//
// Some time after a piece was handed over it lies in the system's memory, and some time later it is durable: a crash
// may come before, between or after.  A writer lives as long as its process.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "sim/memory_disk.hpp"
#include "sim/mutations/mutations.hpp"
#include "sim/world.hpp"
#include "worker/log/log_writer.hpp"

namespace trellis::sim {

struct DiskConditions {
  Duration sync_min{100};
  Duration sync_max{2'000};
  double at_once = 0;  ///< Share of batches that are durable when start_write() returns.
  double stall = 0;    ///< Share of syncs that take
  Duration stall_max{200'000};
};

class SimulatedLogWriter final : public LogWriter {
 public:
  /// @param on_written  called when finish() has something to say
  SimulatedLogWriter(World& world, MemoryDisk& disk, const DiskConditions& conditions, const Mutations& mutations,
                     std::function<void()> on_written);

  void start(LogWrite write) override;
  Result<bool> finish() override;
  Duration took() const override { return {}; }

 private:
  void write_next();
  void sync_next();
  bool syncs() const { return !mutations_.has(Mutation::kSyncLeftOut); }
  void acknowledge();
  void write_in_secret();
  void after(Duration time, std::function<void()> what);

  World& world_;
  MemoryDisk& disk_;
  const DiskConditions& conditions_;
  const Mutations& mutations_;
  std::function<void()> on_written_;
  LogWrite write_;
  std::size_t piece_ = 0;
  bool is_at_once_ = false;
  bool is_done_ = false;
  std::optional<Error> failure_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace trellis::sim
