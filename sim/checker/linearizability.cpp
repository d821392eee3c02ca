#include "sim/checker/linearizability.hpp"

#include <algorithm>
#include <set>

#include "sim/checker/search.hpp"

namespace trellis::sim {
namespace {

/// Makes a history that has no order smaller while it still has none.
/// Only what a right history could do without is taken away: a read is left out, a write's answer is forgotten, the
/// end is cut off.  So what remains is a proof by itself.
class Shrinker {
 public:
  explicit Shrinker(KeySteps key) : key_(std::move(key)) {}

  KeySteps shrink() {
    cut_end();
    for (std::size_t size = std::max<std::size_t>(key_.steps.size() / 2, 1); work_left_ > 0; size /= 2) {
      while (forget_chunks(size) && size == 1) {
      }
      if (size == 1) break;
    }
    return std::move(key_);
  }

 private:
  static constexpr std::size_t kConfigurationsMax = 20'000;  ///< A smaller history that is harder to check is no gain.
  static constexpr std::size_t kWorkMax = 30'000'000;        ///< Steps looked at, in all.

  bool has_no_order(const KeySteps& key) {
    const SearchResult result = search_order(key, kConfigurationsMax);
    const std::size_t work = key.steps.size() + result.configurations;
    work_left_ -= std::min(work, work_left_);
    return result.finding == Finding::kNoOrder;
  }

  /// The steps without those for which `is_gone`; writes that are gone may still have happened.
  template <typename Predicate>
  KeySteps without(Predicate is_gone) const {
    KeySteps out;
    out.value_sets = key_.value_sets;
    out.value_count = key_.value_count;
    std::vector<std::size_t> moved(key_.steps.size(), kNoStep);
    for (std::size_t i = 0; i < key_.steps.size(); ++i) {
      Step step = key_.steps[i];
      if (is_gone(i)) {
        if (step.effect == Effect::kNone) continue;
        step = weakened(step);
      } else {
        moved[i] = out.steps.size();
      }
      out.steps.push_back(step);
    }
    for (Step& step : out.steps) {
      if (step.previous != kNoStep) step.previous = moved[step.previous];
    }
    return out;
  }

  /// Forgets all that was known after the earliest moment at which there was no order any more.
  void cut_end() {
    std::vector<TimePoint> ends;
    for (const Step& step : key_.steps) {
      if (!step.is_optional) ends.push_back(step.deadline);
    }
    std::sort(ends.begin(), ends.end());
    std::size_t low = 0;
    std::size_t high = ends.size() - 1;
    const auto until = [&](std::size_t end) {
      KeySteps cut = without([&](std::size_t i) { return key_.steps[i].deadline > ends[end]; });
      std::erase_if(cut.steps, [&](const Step& step) { return step.call > ends[end]; });  // At the end: moves nothing.
      return cut;
    };
    while (low < high && work_left_ > 0) {
      const std::size_t middle = (low + high) / 2;
      if (has_no_order(until(middle))) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    if (KeySteps cut = until(high); has_no_order(cut)) key_ = std::move(cut);
  }

  /// @return whether any could be done without
  bool forget_chunks(std::size_t size) {
    bool is_smaller = false;
    for (std::size_t begin = 0; begin < key_.steps.size() && work_left_ > 0;) {
      const std::size_t end = std::min(begin + size, key_.steps.size());
      const bool is_certain = std::any_of(key_.steps.begin() + static_cast<std::ptrdiff_t>(begin),
                                          key_.steps.begin() + static_cast<std::ptrdiff_t>(end),
                                          [](const Step& step) { return !step.is_optional; });
      if (is_certain) {
        KeySteps smaller = without([&](std::size_t i) { return i >= begin && i < end && !key_.steps[i].is_optional; });
        if (has_no_order(smaller)) {
          const std::size_t dropped = key_.steps.size() - smaller.steps.size();
          key_ = std::move(smaller);
          is_smaller = true;
          begin = end - dropped;
          continue;
        }
      }
      begin = end;
    }
    return is_smaller;
  }

  KeySteps key_;
  std::size_t work_left_ = kWorkMax;
};

/// The same without what the answers say of versions: tells a wrong document from a wrong version.
KeySteps without_versions(KeySteps key) {
  for (Step& step : key.steps) {
    step.version.reset();
    if (!step.condition.version) step.need.version.reset();
  }
  return key;
}

/// Only what is certain around one moment; all other writes may have happened, all other reads are left out.
KeySteps around(const KeySteps& key, TimePoint begin, TimePoint end) {
  KeySteps out;
  out.value_sets = key.value_sets;
  out.value_count = key.value_count;
  for (const Step& step : key.steps) {
    if (step.call > end) continue;
    const bool is_kept = !step.is_optional && step.deadline >= begin && step.deadline <= end;
    if (!is_kept && step.effect == Effect::kNone) continue;
    out.steps.push_back(is_kept ? step : weakened(step));
    out.steps.back().previous = kNoStep;
  }
  return out;
}

/// For a key whose search was given up: a part of it that has no order by itself.  Looks where the search was stuck.
std::optional<KeySteps> part_without_order(const KeySteps& key, const SearchResult& result) {
  constexpr std::size_t kConfigurationsMax = 100'000;
  if (result.stuck == kNoStep) return std::nullopt;
  const Step& stuck = key.steps[result.stuck];
  if (stuck.is_optional) return std::nullopt;
  for (Duration before{1}; before < Duration(std::chrono::hours(24)); before *= 4) {
    KeySteps part = around(key, stuck.call - before, stuck.deadline);
    if (search_order(part, kConfigurationsMax).finding == Finding::kNoOrder) return part;
  }
  return std::nullopt;
}

class KeyChecker {
 public:
  KeyChecker(const History& history, const std::string& key) : history_(history), name_(key) {}

  Violation explain(KeySteps key) const {
    const KeySteps core = Shrinker(std::move(key)).shrink();
    const SearchResult end = search_order(core, kConfigurationsMax);
    Violation out;
    out.key = name_;
    std::set<std::size_t> shown;
    for (const Step& step : core.steps) {
      if (step.is_optional && !is_seen(core, step)) {
        ++out.unknown_left_out;
      } else {
        shown.insert({step.operation, step.answered});
      }
    }
    out.operations.assign(shown.begin(), shown.end());
    out.reason = reason(core, end);
    return out;
  }

 private:
  static constexpr std::size_t kConfigurationsMax = 100'000;

  /// Whether a certain answer shows the document that `write` may have written.
  static bool is_seen(const KeySteps& core, const Step& write) {
    return write.effect == Effect::kPut && std::any_of(core.steps.begin(), core.steps.end(), [&](const Step& step) {
             return !step.is_optional && step.need.values != kAnyValue && step.need.may_be_present &&
                    core.value_sets[step.need.values].size() == 1 && core.contains(step.need.values, write.value);
           });
  }

  std::string reason(const KeySteps& core, const SearchResult& end) const {
    if (end.finding != Finding::kNoOrder || end.stuck == kNoStep)
      return "no order of the operations explains the answers";
    const Step& stuck = core.steps[end.stuck];
    const std::string asked = "this answer cannot be true: " + to_text(history_.operations[stuck.answered]) + ".";
    switch (end.obstacle) {
      case Obstacle::kNobodyWrote: return asked + " Nobody can have written that document at that version.";
      case Obstacle::kVersionTwice: return asked + " Another operation wrote, replaced or removed the same version.";
      case Obstacle::kNoMoment: return asked + " By the versions it has to come before or after the others.";
      case Obstacle::kStuck: break;
    }
    std::string out = asked + " In the longest order that explains the others, until it had to take effect the key ";
    if (!end.state.is_present) {
      out += end.state.version == 0 ? "was never written." : "was removed.";
    } else {
      out += "held version " + std::to_string(end.state.version) + ".";
    }
    if (search_order(without_versions(core), kConfigurationsMax).finding == Finding::kOrderFound) {
      out += " Without the versions the answers would fit.";
    }
    return out;
  }

  const History& history_;
  const std::string& name_;
};

}  // namespace

std::string to_text(const Violation& violation, const History& history) {
  std::string out = "key " + quoted_bytes(violation.key) + ": " + violation.reason + '\n';
  std::vector<std::size_t> operations = violation.operations;
  std::stable_sort(operations.begin(), operations.end(), [&](std::size_t a, std::size_t b) {
    return history.operations[a].call < history.operations[b].call;
  });
  for (const std::size_t at : operations) out += "    " + to_text(history.operations[at]) + '\n';
  if (violation.unknown_left_out) {
    out += "    (and " + std::to_string(violation.unknown_left_out) +
           " other writes, none of which explains it, whether it took effect or not)\n";
  }
  return out;
}

LinearizabilityVerdict check_linearizability(const History& history, const LinearizabilityOptions& options) {
  LinearizabilityVerdict verdict;
  const std::vector<std::size_t> listings = listings_of(history);
  for (const auto& [name, operations] : operations_by_key(history)) {
    if (verdict.violations.size() >= options.violations_max) break;
    KeySteps key = make_steps(history, name, operations, listings);
    ++verdict.keys;
    for (Contradiction& contradiction : key.contradictions) {
      verdict.violations.push_back({name, std::move(contradiction.reason), std::move(contradiction.operations)});
    }
    SearchResult result = search_order(key, options.configurations_max);
    verdict.configurations += result.configurations;
    if (result.finding == Finding::kGaveUp) {
      if (std::optional<KeySteps> part = part_without_order(key, result)) {
        key = *std::move(part);
        result.finding = Finding::kNoOrder;
      } else {
        verdict.undecided.push_back(name);
      }
    }
    if (result.finding == Finding::kNoOrder) {
      verdict.violations.push_back(KeyChecker(history, name).explain(std::move(key)));
    }
  }
  return verdict;
}

}  // namespace trellis::sim
