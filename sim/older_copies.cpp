// A worker's folder is put back as it was some seconds ago, as after a disk's image was restored.
//
//   away      ──┐                          ┌──────────────
//   worker    ──┼── writes ──┐ older copy ─┼─── writes ───
//   knowing   ──┼── writes ──┼─────────────┘        ┌─────
//
// What was acknowledged while one replica was away is held by two; one of them forgets it, and then the other one goes.
// Without a guard the forgetful one and the one that was away are a majority that lacks acknowledged writes.  The one
// that knows is up when the copy starts, as it has to be for anybody to notice.
//
//   away      ──┐                   ┌──────────────────────────────
//   worker    ──┼── starts anew ────┼ older copy ┐ right folder ────
//   knowing   ──┴───────────────────┴──────────────────────────────
//
// Here all are up, and one knows less than the other: that one may tell first, and must not keep a start of the copy,
// or else it refuses the right folder.
#include <memory>
#include <utility>

#include "sim/faults.hpp"

namespace trellis::sim {

using std::chrono::milliseconds;

void Faults::put_back_older_copy(WorkerProcess& worker, WorkerProcess& away, WorkerProcess& knowing) {
  auto image = std::make_shared<Disk::Image>(worker.disk().image());
  Counters& counters = cluster_.counters();
  ++counters.crashes;
  away.is_held_down = true;
  away.crash(false);
  undo_after(random_.between(milliseconds(1'500), milliseconds(3'000)), [this, &worker, &away, &knowing, image] {
    start_older_copy(worker, std::move(*image));
    undo_after(random_.between(milliseconds(1'500), milliseconds(2'500)), [this, &away, &knowing] {
      ++cluster_.counters().crashes;
      knowing.crash(random_.chance(0.5));
      away.is_held_down = false;
      away.start();
      undo_after(random_.between(milliseconds(1'500), milliseconds(3'000)), [&knowing] { knowing.start(); });
    });
  });
}

void Faults::put_back_copy_before_last_start(WorkerProcess& worker, WorkerProcess& away) {
  auto image = std::make_shared<Disk::Image>(worker.disk().image());
  cluster_.counters().crashes += 2;
  away.is_held_down = true;
  away.crash(false);
  worker.crash(false);
  worker.start();
  undo_after(random_.between(milliseconds(2'000), milliseconds(3'500)), [this, &worker, &away, image] {
    away.is_held_down = false;
    away.start();
    start_older_copy(worker, std::move(*image));
  });
}

void Faults::start_older_copy(WorkerProcess& worker, Disk::Image image) {
  ++cluster_.counters().crashes;
  worker.crash(false);
  world_.say(worker.name() + " starts on an older copy of its folder");
  worker.disk().put_back(std::move(image));
  worker.start();
}

}  // namespace trellis::sim
