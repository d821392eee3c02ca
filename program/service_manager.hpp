// What systemd is told by a program that it started: that it serves, that its loop turns, that it is about to stop.
//
// Elsewhere (NOTIFY_SOCKET is not set) nobody is told and nothing is spent.  The word that the loop turns comes from
// the loop itself and from nowhere else: one that is stuck falls silent, and a unit's WatchdogSec ends it.
#pragma once

#include <string>

#include "protocol/types.hpp"

namespace trellis {

class ServiceManager {
 public:
  /// Reads how long systemd waits for a word of the loop, if it does (WATCHDOG_USEC).
  ServiceManager();

  /// Called by each turn of the loop.  The first says that the program serves; later ones that the loop still turns,
  /// twice as often as systemd wants it.
  void on_turn(TimePoint now);
  /// The program stops taking requests, and answers what is under way.
  void on_stopping();

 private:
  bool serves_ = false;
  Duration alive_every_{};  ///< Zero: nobody waits for it.
  TimePoint alive_due_;
};

}  // namespace trellis
