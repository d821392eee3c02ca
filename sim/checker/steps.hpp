// What the operations on one key ask of its state and do to it: the form in which they are checked.
//
// Each Step is one write or read that takes effect at one moment between its call and its deadline.  Attempts of one
// (session, seq, item) are one Step: it may take effect from the first attempt's call on, and has to by the first
// answer.  Refused operations are gone; writes of unknown outcome are optional and have no deadline.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/checker/history.hpp"

namespace trellis::sim {

/// A document of this key, by number.
using ValueId = std::uint32_t;
/// A set of documents of this key, by number.
using ValueSetId = std::uint32_t;
constexpr ValueSetId kAnyValue = std::numeric_limits<ValueSetId>::max();
constexpr std::size_t kNoStep = std::numeric_limits<std::size_t>::max();

/// The state of one key.  `version` is that of the last write to it, also after a removal: later ones are larger.
struct KeyState {
  bool is_present = false;
  ValueId value = 0;
  std::uint64_t version = 0;
};

/// What has to hold in the state where the step takes effect.
struct Need {
  bool may_be_absent = true;
  bool may_be_present = true;
  std::optional<std::uint64_t> version;      ///< Where present: exactly this one.
  std::optional<std::uint64_t> not_version;  ///< Where present: any but this one.
  ValueSetId values = kAnyValue;             ///< Where present: one of these.
  auto operator<=>(const Need&) const = default;
};

enum class Effect : std::uint8_t { kNone, kPut, kRemove };

struct Step {
  std::size_t operation = 0;  ///< In the history: the first attempt.
  std::size_t answered = 0;   ///< In the history: the attempt whose answer counts; the first, where none was answered.
  TimePoint call;
  TimePoint deadline = TimePoint::max();
  bool is_optional = false;
  Need need;
  Need condition;  ///< The part of `need` that the request itself asks for: if_absent, if_version.
  Effect effect = Effect::kNone;
  ValueId value = 0;                     ///< kPut.
  std::optional<std::uint64_t> version;  ///< kPut: where known.
  std::size_t previous = kNoStep;        ///< The item of the same BATCH that takes effect before.
};

/// Forgets the answer of a write: it may have happened, or not.
Step weakened(Step step);

struct Contradiction {
  std::string reason;
  std::vector<std::size_t> operations;
};

struct KeySteps {
  std::vector<Step> steps;                       ///< By call.
  std::vector<std::vector<ValueId>> value_sets;  ///< Each ascending.
  std::size_t value_count = 0;                   ///< Documents that were written or read.
  std::vector<Contradiction> contradictions;     ///< Answers of one session that do not agree.

  bool contains(ValueSetId set, ValueId value) const;
  bool holds(const Need& need, const KeyState& state) const;
};

/// The operations of each key, by position in the history; listings are not among them.
std::map<std::string, std::vector<std::size_t>, std::less<>> operations_by_key(const History& history);

/// The positions of the listings that promise something (answered OK, linearizable).
std::vector<std::size_t> listings_of(const History& history);

/// Steps of the operations on `key`, and for each listing that covers it the read that it is of this key.
KeySteps make_steps(const History& history, std::string_view key, const std::vector<std::size_t>& operations,
                    const std::vector<std::size_t>& listings);

/// Whether a KEYS or SCAN that was answered OK says something about `key`: shown, or not shown where it belongs.
bool covers(const Operation& listing, std::string_view key);

}  // namespace trellis::sim
