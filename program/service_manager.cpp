#include "program/service_manager.hpp"

#include <systemd/sd-daemon.h>

namespace trellis {
namespace {

/// A word that does not get through is no fault of this program, and nothing it could mend.
void tell(const char* state) { static_cast<void>(sd_notify(0, state)); }

}  // namespace

ServiceManager::ServiceManager() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) > 0) alive_every_ = std::chrono::microseconds(microseconds) / 2;
}

void ServiceManager::on_turn(TimePoint now) {
  if (!serves_) {
    serves_ = true;
    alive_due_ = now;
    tell("READY=1");
  }
  if (alive_every_ == Duration::zero() || now < alive_due_) return;
  alive_due_ = now + alive_every_;
  tell("WATCHDOG=1");
}

void ServiceManager::on_stopping() { tell("STOPPING=1"); }

}  // namespace trellis
