#include "cli/local/keeper.hpp"

#include <chrono>

namespace trellis {
namespace {

constexpr std::chrono::milliseconds kLookEvery{500};

}  // namespace

Keeper::Keeper(ClusterProcesses& processes) : processes_(processes), thread_([this] { run(); }) {}

Keeper::~Keeper() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Keeper::run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kLookEvery, [this] { return is_over_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

void Keeper::look() {
  for (const auto& [address, reason] : processes_.new_refusals()) {
    tell("WARNING: the worker " + address + " was refused: " + reason);
  }
  for (const std::string& name : processes_.ended()) {
    if (!processes_.was_removed(name)) take_up(name);
  }
}

void Keeper::take_up(const std::string& name) {
  const bool is_refused = processes_.was_refused(name);
  const std::string what = "WARNING: " + processes_.describe_end(name);
  switch (policy_.on_ended(name, is_refused, std::chrono::steady_clock::now())) {
    case RestartPolicy::Verdict::kNothing: return;
    case RestartPolicy::Verdict::kGiveUp:
      if (is_refused) return;  // That was told already.
      return tell(what + ", too often to start it again; `trellis up --data " + processes_.folder().path() +
                  "` in another terminal tries it once more");
    case RestartPolicy::Verdict::kStartAgain: break;
  }
  tell(what + "; it is started again");
  if (auto started = processes_.start_again(name); !started) tell("WARNING: " + started.error().message);
}

}  // namespace trellis
