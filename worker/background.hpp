// Background: work off the loop (writing snapshots, building and freeing large tries), and what the loop does when it
// is done.  One thing at a time, in the order in which it was asked for.
#pragma once

#include <functional>

namespace trellis {

class Background {
 public:
  virtual ~Background() = default;
  /// `work` runs elsewhere; `done` runs in a later run_finished().  Both are destroyed where they ran.
  virtual void run(std::function<void()> work, std::function<void()> done) = 0;
  /// On the loop: runs what has finished since the last call.
  virtual void run_finished() = 0;
};

}  // namespace trellis
