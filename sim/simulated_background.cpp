#include "sim/simulated_background.hpp"

#include <utility>

namespace trellis::sim {

void SimulatedBackground::run(std::function<void()> work, std::function<void()> done) {
  waiting_.push_back({std::move(work), std::move(done)});
  begin_next();
}

void SimulatedBackground::begin_next() {
  if (is_working_ || waiting_.empty()) return;
  is_working_ = true;
  const std::weak_ptr<int> alive = alive_;
  world_.after(world_.random().between(Duration(500), Duration(50'000)), [this, alive] {
    if (alive.expired()) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    job.work();
    job.work = nullptr;
    finished_.push_back(std::move(job));
    is_working_ = false;
    begin_next();
    on_finished_();
  });
}

void SimulatedBackground::run_finished() {
  std::deque<Job> finished;
  finished.swap(finished_);
  for (const Job& job : finished) job.done();
}

}  // namespace trellis::sim
