// Epochs: which past epochs of a trie are pinned, since a frozen view looks at them, and what was cut off the trie
// since but lives on for those views.
//
// Each node and leaf carries the epoch it was made in. Freezing a trie pins the running epoch and begins the next one:
// what a pinned epoch shows are the nodes that hung in the trie then, all of that epoch or an older one. From then on
// the trie may change a node in place only if the node is younger than the newest pinned epoch; an older one it copies,
// and retires the original here. What is retired while epoch p is the newest pinned one is seen by p, and perhaps by
// older ones, but by no later one: so it waits with p, and when p is released it is handed on to the next older pinned
// epoch if that one sees it too, else freed. Compared with reference counts this costs a write without pinned epochs
// nothing, and a copied node never touches its children (a Node256 would count up 256 cache lines). The idea is that of
// the dead lists of ZFS.
//
// Invariant: what is seen by the pinned epoch p, and has epoch e <= p, was made no later than p and cut off after it.
// Threading: one thread owns the trie and calls pin and retire; epochs are released by any thread.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <mutex>

#include "worker/trie/node.hpp"

namespace trellis::trie {

class Epochs {
 public:
  static constexpr Epoch kNone = 0;  ///< Older than every node: the epochs of nodes begin with 1.

  /// The newest pinned epoch, or kNone.  A node of this epoch or an older one must not be changed.
  Epoch newest() const { return newest_.load(std::memory_order_acquire); }

  /// From now on `epoch`, later than every one before, is pinned.
  void pin(Epoch epoch);
  /// `epoch` is no longer pinned; frees what only it could see.
  void release(Epoch epoch);

  /// A node or a leaf was cut off the trie, alone: frees it as soon as no pinned epoch sees it.
  void retire(Ref one);
  /// The same for all that hangs below it, too.
  void retire_whole(Ref root);

 private:
  /// What waits to be freed.  Its epoch stands here as well, so that handing it on does not touch its memory.
  struct Retired {
    Ref ref;
    Epoch epoch;
    bool whole;
  };
  using Waiting = std::deque<Retired>;

  static void free(const Retired& retired);
  static void sweep(Ref root, Epoch seen_until, Waiting* seen);

  std::atomic<Epoch> newest_{kNone};
  std::mutex mutex_;
  std::map<Epoch, Waiting> pinned_;  ///< Guarded by mutex_.
};

}  // namespace trellis::trie
