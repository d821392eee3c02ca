// Histories for the tests of the checkers: from text, and at random from a store that is right.
#pragma once

#include <random>
#include <string_view>

#include "sim/checker/history.hpp"

namespace trellis::sim {

/// Lines of the text form, without its head; blanks around a line are passed over.
History history_of(std::string_view lines, std::uint32_t partitions = 0);

struct RandomHistory {
  std::uint64_t seed = 1;
  std::size_t operations = 100;
  std::size_t clients = 5;
  std::size_t keys = 1;
  std::size_t documents = 0;     ///< So many different ones; 0: all differ.
  double unknown = 0.1;          ///< Share of writes whose answer is lost.
  double listings = 0;           ///< Share of KEYS, SCAN and COUNT.
  std::int64_t delay_max = 100;  ///< From call to effect, and from effect to return.
};

/// What clients of a linearizable store saw: each operation takes effect at one moment between call and return; lost
/// answers are of writes that happened in time, much later, or never; retries have the session of the first attempt.
History random_history(const RandomHistory& shape);

/// The same with one answer changed at random; may still be right.
History mutated(History history, std::mt19937_64& random);

/// Checks by trying every order, straight from the protocol's sentences.  For up to about 8 operations on one key,
/// without sessions and batches.
bool has_order_by_brute_force(const History& history);

}  // namespace trellis::sim
