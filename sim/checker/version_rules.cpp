#include "sim/checker/version_rules.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace trellis::sim {
namespace {

/// Finds the versions that only one write can have made, and makes that write certain.
class VersionResolver {
 public:
  explicit VersionResolver(KeySteps& key) : key_(key) {
    for (std::size_t i = 0; i < key.steps.size(); ++i) {
      const Step& step = key.steps[i];
      if (step.effect == Effect::kPut && !step.version) open_[step.value].push_back(i);
      if (step.version) writers_.emplace(*step.version, i);
      if (step.is_optional || !step.need.version) continue;
      const auto entry = needed_.try_emplace(*step.need.version, step.deadline).first;
      entry->second = std::min(entry->second, step.deadline);
    }
  }

  RuledOut resolve() {
    for (std::size_t i = 0; i < key_.steps.size(); ++i) {
      const Step& step = key_.steps[i];
      if (step.is_optional || !step.need.version) continue;
      const auto writer = writers_.find(*step.need.version);
      if (writer != writers_.end()) {
        if (!key_.contains(step.need.values, key_.steps[writer->second].value)) return {i, Obstacle::kNobodyWrote};
        continue;
      }
      const Candidates& candidates = candidates_for(step.need.values);
      if (candidates.count == 0) return {i, Obstacle::kNobodyWrote};
      if (candidates.count == 1) settle(candidates.any, *step.need.version);
    }
    return {};
  }

 private:
  struct Candidates {
    std::size_t count = 0;
    std::size_t any = kNoStep;
  };

  /// Writes without a version whose document is in the set.
  const Candidates& candidates_for(ValueSetId set) {
    const auto [entry, is_new] = candidates_.try_emplace(set);
    if (!is_new) return entry->second;
    const auto add = [&candidates = entry->second](const std::vector<std::size_t>& writes) {
      candidates = {candidates.count + writes.size(), writes.front()};
    };
    if (set == kAnyValue) {
      for (const auto& [value, writes] : open_) add(writes);
      return entry->second;
    }
    for (const ValueId value : key_.value_sets[set]) {
      const auto writes = open_.find(value);
      if (writes != open_.end()) add(writes->second);
    }
    return entry->second;
  }

  void settle(std::size_t write, std::uint64_t version) {
    Step& step = key_.steps[write];
    if (step.version) return;  // It made another one already; the search will fail on this.
    step.version = version;
    step.is_optional = false;
    step.deadline = std::min(step.deadline, needed_.at(version));
    writers_.emplace(version, write);
  }

  KeySteps& key_;
  std::unordered_map<std::uint64_t, TimePoint> needed_;  ///< Version -> first deadline of those that need it.
  std::unordered_map<std::uint64_t, std::size_t> writers_;
  std::unordered_map<ValueId, std::vector<std::size_t>> open_;  ///< Writes without a version, by document.
  std::unordered_map<ValueSetId, Candidates> candidates_;
};

/// Narrows the time of the certain steps by their versions: of each version first its write, then its reads, then what
/// replaces or removes it.
RuledOut narrow_by_versions(KeySteps& key) {
  enum class Part : std::uint8_t { kWrite, kRead, kEnd };
  struct Place {
    std::uint64_t version;
    Part part;
    std::size_t step;
    auto key() const { return std::tie(version, part); }
  };
  std::vector<Place> places;
  for (std::size_t i = 0; i < key.steps.size(); ++i) {
    const Step& step = key.steps[i];
    if (step.is_optional) continue;
    if (step.version) places.push_back({*step.version, Part::kWrite, i});
    if (step.need.version) {
      places.push_back({*step.need.version, step.effect == Effect::kNone ? Part::kRead : Part::kEnd, i});
    }
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.key() < b.key(); });
  for (std::size_t i = 1; i < places.size(); ++i) {
    if (places[i].part == Part::kRead || places[i].key() != places[i - 1].key()) continue;
    return {places[i].step, Obstacle::kVersionTwice};
  }
  const auto same = [&](std::size_t i, std::size_t j) { return places[i].key() == places[j].key(); };
  TimePoint called = TimePoint::min();
  for (std::size_t begin = 0, end = 0; begin < places.size(); begin = end) {
    TimePoint latest = called;
    for (; end < places.size() && same(end, begin); ++end) {
      Step& step = key.steps[places[end].step];
      step.call = std::max(step.call, called);
      latest = std::max(latest, step.call);
    }
    called = latest;
  }
  TimePoint due = TimePoint::max();
  for (std::size_t end = places.size(), begin = end; end > 0; end = begin) {
    TimePoint earliest = due;
    for (; begin > 0 && same(begin - 1, end - 1); --begin) {
      Step& step = key.steps[places[begin - 1].step];
      step.deadline = std::min(step.deadline, due);
      earliest = std::min(earliest, step.deadline);
    }
    due = earliest;
  }
  for (const Place& place : places) {
    if (key.steps[place.step].call > key.steps[place.step].deadline) return {place.step, Obstacle::kNoMoment};
  }
  return {};
}

}  // namespace

RuledOut apply_versions(KeySteps& key) {
  const RuledOut ruled = VersionResolver(key).resolve();
  return ruled.step == kNoStep ? narrow_by_versions(key) : ruled;
}

}  // namespace trellis::sim
