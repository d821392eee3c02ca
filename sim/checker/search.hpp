// The search for an order: can the steps on one key take effect one after the other, each between its call and its
// deadline, so that every answer is true?
//
// Wing and Gong's search ("Testing and verifying concurrent objects", 1993) in Lowe's form ("Testing for
// linearizability", 2017): depth first over configurations (steps taken, state), each visited once.  What keeps it
// from exploding, without ever losing an order:
// - A read that is true now is taken now: it changes nothing, so it may as well come first.
// - Each write gives the document a version larger than all before.  So the step with the smallest version among those
//   left comes before all others with a version, and hardly a choice remains between writes that were answered.  The
//   versions are part of what has to be true: an order that contradicts them is none.
// - Of interchangeable writes the one with the earliest deadline goes first.  Documents that no read tells apart are
//   the same document.
// - An optional write is taken only right before a step that it makes possible.
//   They also narrow the time of each step: it comes after the calls of those with smaller versions, and before the
//   deadlines of those with larger ones.
// - A version that was read, and that only one optional write can have made, makes that write certain.
//   The other optional writes get the smallest version that nobody mentions, or one that somebody waits for.
#pragma once

#include "sim/checker/steps.hpp"

namespace trellis::sim {

enum class Finding : std::uint8_t { kOrderFound, kNoOrder, kGaveUp };

/// Why there is no order.
enum class Obstacle : std::uint8_t {
  kStuck,         ///< All orders were tried; the longest ends where `stuck` would have to follow.
  kNobodyWrote,   ///< `stuck` found a document at a version that nobody can have written so.
  kNoMoment,      ///< `stuck` has to come before or after others by its version, and its time does not allow it.
  kVersionTwice,  ///< `stuck` wrote, replaced or removed the same version as another.
};

struct SearchResult {
  Finding finding = Finding::kOrderFound;
  std::size_t configurations = 0;
  // kNoOrder, kGaveUp: where the longest order found ends.
  KeyState state;
  std::size_t taken = 0;        ///< Steps that are not optional, in that order.
  std::size_t stuck = kNoStep;  ///< The first step whose deadline nothing can meet then.
  Obstacle obstacle = Obstacle::kStuck;
};

/// Gives up after `configurations_max`.
SearchResult search_order(const KeySteps& key, std::size_t configurations_max);

}  // namespace trellis::sim
