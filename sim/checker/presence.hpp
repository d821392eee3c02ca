// When a key was certainly there, and when it certainly was not: bounds that hold in every order of the operations.
//
// Weaker than the search for an order, but simple enough to be checked by eye, and the only way to check COUNT.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/checker/steps.hpp"

namespace trellis::sim {

class Presence {
 public:
  explicit Presence(const KeySteps& key);

  /// Somebody saw it there before `begin`, and nobody can have removed it since then until `end`.
  bool was_there_throughout(TimePoint begin, TimePoint end) const;
  /// Nobody can have written it until `end`, or somebody saw it gone before `begin` and nobody can have written since.
  bool was_absent_throughout(TimePoint begin, TimePoint end) const;

 private:
  /// Moments between `begin` and `end`, kept so that the latest (or longest) of those before a time is found.
  class Spans {
   public:
    void add(TimePoint begin, TimePoint end) { spans_.push_back({begin, end}); }
    void sort_by_begin();  ///< latest_end_until becomes available.
    void sort_by_end();    ///< latest_begin_before becomes available.
    /// The latest end of those that begin at or before `time`; the beginning of time where there are none.
    TimePoint latest_end_until(TimePoint time) const;
    /// The latest begin of those that end before `time`; the beginning of time where there are none.
    TimePoint latest_begin_before(TimePoint time) const;

   private:
    struct Span {
      TimePoint begin;
      TimePoint end;
    };
    std::vector<Span> spans_;
    std::vector<TimePoint> latest_;  ///< At i the latest end, or begin, of spans_[0 … i].
  };

  Spans seen_there_;
  Spans seen_gone_;
  Spans writes_;    ///< That may have taken effect.
  Spans removals_;  ///< Likewise.
};

/// The presence of every key that occurs in an operation on one key.
std::map<std::string, Presence, std::less<>> presences_of(const History& history);

}  // namespace trellis::sim
