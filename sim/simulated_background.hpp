// SimulatedBackground: background work takes its time, in simulated time, and is lost with its process.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "sim/world.hpp"
#include "worker/background.hpp"

namespace trellis::sim {

class SimulatedBackground final : public Background {
 public:
  SimulatedBackground(World& world, std::function<void()> on_finished)
      : world_(world), on_finished_(std::move(on_finished)) {}
  void run(std::function<void()> work, std::function<void()> done) override;
  void run_finished() override;

 private:
  struct Job {
    std::function<void()> work;
    std::function<void()> done;
  };
  void begin_next();

  World& world_;
  std::function<void()> on_finished_;
  std::deque<Job> waiting_;
  std::deque<Job> finished_;
  bool is_working_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace trellis::sim
