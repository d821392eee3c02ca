#include "sim/checker/counter_check.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "protocol/packed.hpp"

namespace trellis::sim {
namespace {

/// The attempts of one (session, seq, item); an operation without a session is one of its own.
struct Increment {
  TimePoint first_call = TimePoint::max();
  TimePoint answered = TimePoint::max();
  std::size_t operation = 0;
  std::optional<std::uint64_t> told;
};

/// A number that somebody was told.
struct Sight {
  std::uint64_t number = 0;
  std::size_t operation = 0;
};

/// The number in the answer of a PATCH, [n], or of a GET; where no document is, 0.
std::optional<std::uint64_t> number_told(const Operation& operation) {
  if (operation.command == Command::kGet && operation.status == Code::kNotFound) return 0;
  if (!operation.ok() || !operation.found) return std::nullopt;
  PackedReader reader(*operation.found);
  if (operation.command == Command::kPatch) reader.read_array();
  return reader.read_uint();
}

class CounterChecker {
 public:
  CounterChecker(const History& history, std::string key) : history_(history), key_(std::move(key)) {}

  void add(std::size_t at) {
    const Operation& op = history_.operations[at];
    if (op.outcome() == Outcome::kNothingDone) return;
    const auto told = number_told(op);
    if (told && op.linearizable()) sights_.push_back({*told, at});
    if (op.command != Command::kPatch) return;
    const std::size_t alone = op.session.empty() ? at + 1 : 0;
    Increment& increment = increments_[{op.session, op.seq, op.item, alone}];
    if (op.call < increment.first_call) increment.operation = at;
    increment.first_call = std::min(increment.first_call, op.call);
    if (op.outcome() != Outcome::kUnknown) increment.answered = std::min(increment.answered, *op.returned);
    if (told && increment.told.value_or(*told) != *told) {
      violate("one session and seq was answered with two numbers", {increment.operation, at});
    }
    if (told) increment.told = told;
  }

  std::vector<Violation> check() && {
    std::map<std::uint64_t, std::size_t> tellers;
    for (const auto& [identity, increment] : increments_) {
      if (!increment.told) continue;
      const auto [other, is_new] = tellers.try_emplace(*increment.told, increment.operation);
      if (!is_new) violate("two increments were told the same number", {other->second, increment.operation});
    }
    for (const Sight& sight : sights_) check(sight);
    return std::move(violations_);
  }

 private:
  void check(const Sight& sight) {
    const Operation& op = history_.operations[sight.operation];
    std::uint64_t least = op.command == Command::kPatch ? 1 : 0;
    std::uint64_t most = 0;
    for (const auto& [identity, increment] : increments_) {
      const bool is_itself = op.command == Command::kPatch && increment.told == sight.number;
      least += !is_itself && increment.answered < op.call ? 1 : 0;
      most += increment.first_call <= *op.returned ? 1 : 0;
    }
    // A copy of an increment is answered as the first one was, whatever came between.
    if (op.command == Command::kPatch && !op.session.empty()) least = 1;
    if (sight.number >= least && sight.number <= most) return;
    violate("the number lies outside " + std::to_string(least) + " to " + std::to_string(most) +
                ", the increments that were answered before and those that were asked for",
            {sight.operation});
  }

  void violate(std::string reason, std::vector<std::size_t> operations) {
    violations_.push_back({key_, std::move(reason), std::move(operations)});
  }

  const History& history_;
  std::string key_;
  std::map<std::tuple<std::string, std::uint64_t, std::uint32_t, std::size_t>, Increment> increments_;
  std::vector<Sight> sights_;
  std::vector<Violation> violations_;
};

}  // namespace

std::set<std::string, std::less<>> counters_of(const History& history) {
  std::set<std::string, std::less<>> counters;
  for (const Operation& operation : history.operations) {
    if (operation.command == Command::kPatch) counters.insert(operation.key);
  }
  return counters;
}

std::vector<Violation> check_counters(const History& history) {
  std::map<std::string, CounterChecker, std::less<>> checkers;
  for (const std::string& key : counters_of(history)) checkers.try_emplace(key, history, key);
  for (std::size_t at = 0; at < history.operations.size(); ++at) {
    const auto checker = checkers.find(history.operations[at].key);
    if (checker != checkers.end() && !history.operations[at].is_listing()) checker->second.add(at);
  }
  std::vector<Violation> all;
  for (auto& [key, checker] : checkers) {
    auto found = std::move(checker).check();
    std::move(found.begin(), found.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace trellis::sim
