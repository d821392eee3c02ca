#include "sim/checker/steps.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "protocol/document.hpp"
#include "sim/checker/counter_check.hpp"

namespace trellis::sim {
namespace {

bool is_put(Command command) { return command == Command::kPut || command == Command::kSet; }

bool asks_the_same(const Operation& a, const Operation& b) {
  return (a.command == b.command || (is_put(a.command) && is_put(b.command))) && a.document == b.document &&
         a.if_absent == b.if_absent && a.if_version == b.if_version && a.ttl_ms == b.ttl_ms;
}

template <typename T>
bool agree(const std::optional<T>& a, const std::optional<T>& b) {
  return !a || !b || *a == *b;
}

/// Whether two decided attempts got the same reply, as far as both were recorded.
bool same_reply(const Operation& a, const Operation& b) {
  if (a.outcome() == Outcome::kApplied || b.outcome() == Outcome::kApplied) return true;
  return a.status == b.status && agree(a.flag, b.flag) && agree(a.found, b.found) && agree(a.version, b.version);
}

/// Builds the steps of one key.  Documents are numbered as they turn up.
class StepMaker {
 public:
  StepMaker(const History& history, std::string_view key) : history_(history), key_(key) {}

  KeySteps make(const std::vector<std::size_t>& operations, const std::vector<std::size_t>& listings) {
    for (const std::size_t at : operations) {
      if (is_put(operation(at).command)) value_of(operation(at).document);
    }
    written_ = documents_.size();
    add_operations(operations);
    for (const std::size_t at : listings) add_listing(at);
    std::stable_sort(out_.steps.begin(), out_.steps.end(),
                     [](const Step& a, const Step& b) { return a.call < b.call; });
    link_batches();
    out_.value_count = documents_.size();
    return std::move(out_);
  }

 private:
  using Identity = std::tuple<std::string_view, std::uint64_t, std::uint32_t>;

  const Operation& operation(std::size_t at) const { return history_.operations[at]; }

  ValueId value_of(std::string_view document) {
    const auto [entry, is_new] = values_.try_emplace(document, static_cast<ValueId>(documents_.size()));
    if (is_new) {
      documents_.push_back(document);
      exact_.push_back(kAnyValue);
    }
    return entry->second;
  }

  ValueSetId add_set(std::vector<ValueId> values) {
    out_.value_sets.push_back(std::move(values));
    return static_cast<ValueSetId>(out_.value_sets.size() - 1);
  }

  ValueSetId exactly(std::string_view document) {
    const ValueId value = value_of(document);
    if (exact_[value] == kAnyValue) exact_[value] = add_set({value});
    return exact_[value];
  }

  /// The documents that were written and hold `part` at `path` (nothing: where the path leads nowhere).
  ValueSetId holding(const std::vector<Operation::Segment>& path, std::optional<std::string_view> part) {
    const auto [entry, is_new] = parts_.try_emplace(path);
    auto& sets = entry->second;
    if (is_new) {
      Path segments;
      for (const Operation::Segment& segment : path) {
        std::visit([&segments](const auto& step) { segments.emplace_back(step); }, segment);
      }
      std::map<std::optional<std::string_view>, std::vector<ValueId>> members;
      for (ValueId value = 0; value < written_; ++value) {
        members[walk(documents_[value], segments)].push_back(value);
      }
      for (auto& [found, values] : members) sets.emplace(found, add_set(std::move(values)));
    }
    const auto found = sets.find(part);
    return found != sets.end() ? found->second : sets.emplace(part, add_set({})).first->second;
  }

  void add_operations(const std::vector<std::size_t>& operations) {
    std::map<Identity, std::vector<std::size_t>> attempts;
    for (const std::size_t at : operations) {
      const Operation& op = operation(at);
      if (op.outcome() == Outcome::kNothingDone) continue;
      if (!is_write(op.command)) {
        if (op.outcome() == Outcome::kDecided && op.linearizable()) add_read(at);
      } else if (op.session.empty()) {
        add_write(at, at, op.returned);
      } else {
        attempts[{op.session, op.seq, op.item}].push_back(at);
      }
    }
    for (const auto& [identity, all] : attempts) add_session_write(all);
  }

  /// All attempts of one (session, seq, item).  Those that ask something else than the one that was answered were, or
  /// will be, refused.
  void add_session_write(const std::vector<std::size_t>& attempts) {
    const auto is_answered = [this](std::size_t at) { return operation(at).outcome() != Outcome::kUnknown; };
    const auto answered = std::find_if(attempts.begin(), attempts.end(), is_answered);
    if (answered == attempts.end()) return add_unanswered(attempts);
    std::size_t first = *answered;
    std::size_t telling = *answered;
    TimePoint deadline = TimePoint::max();
    for (const std::size_t at : attempts) {
      const bool is_same = asks_the_same(operation(at), operation(*answered));
      if (is_same && operation(at).call < operation(first).call) first = at;
      if (!is_answered(at)) continue;
      if (!is_same) {
        contradict("one session and seq was answered for two different requests", *answered, at);
        continue;
      }
      if (!same_reply(operation(telling), operation(at))) {
        contradict("one session and seq was answered twice with different replies", telling, at);
      }
      if (operation(telling).outcome() == Outcome::kApplied) telling = at;
      deadline = std::min(deadline, *operation(at).returned);
    }
    add_write(first, telling, deadline);
  }

  void add_unanswered(const std::vector<std::size_t>& attempts) {
    for (auto at = attempts.begin(); at != attempts.end(); ++at) {
      const auto same = [this, at](std::size_t other) { return asks_the_same(operation(other), operation(*at)); };
      if (std::any_of(attempts.begin(), at, same)) continue;
      std::size_t first = *at;
      for (const std::size_t other : attempts) {
        if (same(other) && operation(other).call < operation(first).call) first = other;
      }
      add_write(first, first, std::nullopt);
    }
  }

  void contradict(std::string reason, std::size_t a, std::size_t b) {
    out_.contradictions.push_back({std::move(reason), {std::min(a, b), std::max(a, b)}});
  }

  void add_read(std::size_t at) {
    const Operation& op = operation(at);
    Step step = begin(at, at, op.returned);
    const bool is_found = op.ok() && op.flag.value_or(true);
    step.need.may_be_absent = !is_found;
    step.need.may_be_present = is_found;
    if (is_found) step.need.version = op.version;
    if (op.found && op.command == Command::kGet) step.need.values = exactly(*op.found);
    if (op.command == Command::kQuery) {
      step.need.may_be_present = true;  // Also where the key is there and the path leads nowhere.
      step.need.values = holding(op.path, op.found ? std::optional<std::string_view>(*op.found) : std::nullopt);
    }
    out_.steps.push_back(step);
  }

  Step begin(std::size_t first, std::size_t answered, std::optional<TimePoint> deadline) const {
    Step step;
    step.operation = first;
    step.answered = answered;
    step.call = operation(first).call;
    if (deadline) step.deadline = *deadline;
    return step;
  }

  /// What was given a time may go once that is over, by the fastest of clocks.
  void add_expiry(std::size_t first, std::size_t answered, const Need& what) {
    const Operation& op = operation(answered);
    if (!op.ttl_ms || !(op.ok() || op.outcome() == Outcome::kUnknown || op.outcome() == Outcome::kApplied)) return;
    if (op.command == Command::kExpire && op.flag == false) return;
    constexpr Duration kRounding{100};
    Step step = begin(first, answered, std::nullopt);
    const auto ttl = static_cast<std::int64_t>(*op.ttl_ms) * 1'000;
    step.call += Duration(ttl * 1'000'000 / (1'000'000 + history_.clock_drift)) - kRounding;
    step.is_optional = true;
    step.effect = Effect::kRemove;
    step.need = what;
    step.need.may_be_absent = false;
    step.condition = step.need;
    out_.steps.push_back(step);
  }

  void add_expire(std::size_t first, std::size_t answered, std::optional<TimePoint> deadline) {
    const Operation& op = operation(answered);
    Need what;
    what.version = op.version ? op.version : op.if_version;
    add_expiry(first, answered, what);
    if (op.outcome() != Outcome::kDecided) return;
    Step step = begin(first, answered, deadline);
    if (op.ok() && op.flag == false) {
      step.need.may_be_present = false;
    } else if (op.ok()) {
      step.need.may_be_absent = false;
      step.need.version = what.version;
    } else {
      decide_refused(op, step);
    }
    out_.steps.push_back(step);
  }

  void add_write(std::size_t first, std::size_t answered, std::optional<TimePoint> deadline) {
    const Operation& op = operation(answered);
    if (op.command == Command::kExpire) return add_expire(first, answered, deadline);
    Step step = begin(first, answered, deadline);
    if (op.if_absent) step.condition.may_be_present = false;
    if (op.if_version) {
      step.condition.may_be_absent = false;
      step.condition.version = op.if_version;
    }
    step.effect = is_put(op.command) ? Effect::kPut : Effect::kRemove;
    if (is_put(op.command)) step.value = value_of(op.document);
    if (op.outcome() == Outcome::kUnknown) {
      step = weakened(step);
    } else if (op.ok()) {
      decide_ok(op, step);
    } else if (op.outcome() == Outcome::kApplied) {
      step.need = step.condition;
    } else {
      decide_refused(op, step);
    }
    out_.steps.push_back(step);
    if (!is_put(op.command)) return;
    Need written;
    written.version = op.ok() ? op.version : std::nullopt;
    if (!written.version) written.values = exactly(op.document);
    add_expiry(first, answered, written);
  }

  void decide_ok(const Operation& op, Step& step) {
    step.need = step.condition;
    if (is_put(op.command)) {
      step.version = op.version;
      if (op.flag) (*op.flag ? step.need.may_be_present : step.need.may_be_absent) = false;
      return;
    }
    if (op.command == Command::kDelete && !op.flag) return;  // Not recorded whether it was there.
    if (op.flag == false) {
      step.effect = Effect::kNone;
      step.need.may_be_present = false;
      return;
    }
    step.need.may_be_absent = false;
    if (op.version) {
      if (step.need.version && step.need.version != op.version) step.need.may_be_present = false;
      step.need.version = op.version;
    }
    if (op.found) step.need.values = exactly(*op.found);
  }

  /// The replicas decided against it; what they say has to be true.
  void decide_refused(const Operation& op, Step& step) {
    step.effect = Effect::kNone;
    if (op.status == Code::kFailedPrecondition) {
      step.need.not_version = op.if_version;
    } else if (op.status == Code::kAlreadyExists && op.if_absent) {
      step.need.may_be_absent = false;
    } else if (op.status == Code::kNotFound && !is_put(op.command)) {
      step.need.may_be_present = false;
    } else {  // An answer that this request cannot get.
      step.need.may_be_absent = step.need.may_be_present = false;
    }
  }

  void add_listing(std::size_t at) {
    const Operation& listing = operation(at);
    if (!covers(listing, key_)) return;
    Step step = begin(at, at, listing.returned);
    const auto shown = std::lower_bound(listing.keys.begin(), listing.keys.end(), key_);
    const bool is_shown = shown != listing.keys.end() && *shown == key_;
    step.need.may_be_absent = !is_shown;
    step.need.may_be_present = is_shown;
    if (is_shown && listing.command == Command::kScan) {
      step.need.values = exactly(listing.documents[static_cast<std::size_t>(shown - listing.keys.begin())]);
    }
    out_.steps.push_back(step);
  }

  void link_batches() {
    std::map<std::uint64_t, std::vector<std::size_t>> batches;
    for (std::size_t i = 0; i < out_.steps.size(); ++i) {
      const Step& step = out_.steps[i];
      const Operation& op = operation(step.operation);
      if (op.batch && !step.is_optional && step.operation == step.answered) batches[op.batch].push_back(i);
    }
    for (auto& [batch, items] : batches) {
      const auto item = [this](std::size_t i) { return operation(out_.steps[i].operation).item; };
      std::sort(items.begin(), items.end(), [&](std::size_t a, std::size_t b) { return item(a) < item(b); });
      for (std::size_t i = 1; i < items.size(); ++i) out_.steps[items[i]].previous = items[i - 1];
    }
  }

  const History& history_;
  const std::string_view key_;
  KeySteps out_;
  std::unordered_map<std::string_view, ValueId> values_;
  std::vector<std::string_view> documents_;
  std::size_t written_ = 0;  ///< The documents below this number were written; the others only read.
  std::vector<ValueSetId> exact_;
  std::map<std::vector<Operation::Segment>, std::map<std::optional<std::string_view>, ValueSetId>> parts_;
};

}  // namespace

Step weakened(Step step) {
  step.is_optional = true;
  step.deadline = TimePoint::max();
  step.need = step.condition;
  step.version.reset();
  step.previous = kNoStep;
  return step;
}

bool KeySteps::contains(ValueSetId set, ValueId value) const {
  return set == kAnyValue || std::binary_search(value_sets[set].begin(), value_sets[set].end(), value);
}

bool KeySteps::holds(const Need& need, const KeyState& state) const {
  if (!state.is_present) return need.may_be_absent;
  return need.may_be_present && (!need.version || *need.version == state.version) &&
         (!need.not_version || *need.not_version != state.version) && contains(need.values, state.value);
}

std::map<std::string, std::vector<std::size_t>, std::less<>> operations_by_key(const History& history) {
  std::map<std::string, std::vector<std::size_t>, std::less<>> out;
  const auto counters = counters_of(history);
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& op = history.operations[i];
    if (!op.is_listing() && !counters.contains(op.key)) out[op.key].push_back(i);
  }
  return out;
}

std::vector<std::size_t> listings_of(const History& history) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& op = history.operations[i];
    if (op.is_listing() && op.ok() && op.linearizable()) out.push_back(i);
  }
  return out;
}

bool covers(const Operation& listing, std::string_view key) {
  if (listing.command == Command::kCount || key.substr(0, listing.key.size()) != listing.key) return false;
  if (listing.after && key <= *listing.after) return false;
  return !listing.more || (!listing.keys.empty() && key <= listing.keys.back());
}

KeySteps make_steps(const History& history, std::string_view key, const std::vector<std::size_t>& operations,
                    const std::vector<std::size_t>& listings) {
  return StepMaker(history, key).make(operations, listings);
}

}  // namespace trellis::sim
