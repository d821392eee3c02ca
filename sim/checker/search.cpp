#include "sim/checker/search.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "sim/checker/version_rules.hpp"

namespace trellis::sim {
namespace {

constexpr std::uint64_t kNoVersion = std::numeric_limits<std::uint64_t>::max();

std::uint64_t mix(std::uint64_t x) {  // SplitMix64's finalizer.
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// 128 bits that stand for a configuration.
struct Fingerprint {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const Fingerprint&) const = default;
  void toggle(std::uint64_t what) {
    high ^= mix(what * 2);
    low ^= mix(what * 2 + 1);
  }
};
struct FingerprintHash {
  std::size_t operator()(const Fingerprint& fingerprint) const { return fingerprint.low; }
};

/// Doubly linked list over fixed elements 0 … size-1; what was taken out last is put back first.
class LinkedList {
 public:
  explicit LinkedList(std::size_t size) : next_(size + 1), previous_(size + 1) {
    for (std::size_t i = 0; i <= size; ++i) {
      next_[i] = (i + 1) % (size + 1);
      previous_[i] = (i + size) % (size + 1);
    }
  }
  std::size_t end() const { return next_.size() - 1; }
  std::size_t first() const { return next_[end()]; }
  std::size_t after(std::size_t element) const { return next_[element]; }
  void take_out(std::size_t element) {
    next_[previous_[element]] = next_[element];
    previous_[next_[element]] = previous_[element];
  }
  void put_back(std::size_t element) { next_[previous_[element]] = previous_[next_[element]] = element; }

 private:
  std::vector<std::size_t> next_;  ///< The last element is the ring's closing link.
  std::vector<std::size_t> previous_;
};

/// Renumbers the documents by what tells them apart: the sets of the answers that they are in.
void merge_values(KeySteps& key) {
  std::vector<bool> is_used(key.value_sets.size());
  for (const Step& step : key.steps) {
    if (!step.is_optional && step.need.values != kAnyValue) is_used[step.need.values] = true;
  }
  std::vector<std::vector<ValueSetId>> memberships(key.value_count);
  for (ValueSetId set = 0; set < key.value_sets.size(); ++set) {
    if (!is_used[set]) continue;
    for (const ValueId value : key.value_sets[set]) memberships[value].push_back(set);
  }
  std::map<std::vector<ValueSetId>, ValueId> classes;
  std::vector<ValueId> class_of(key.value_count);
  for (ValueId value = 0; value < key.value_count; ++value) {
    class_of[value] = classes.try_emplace(memberships[value], static_cast<ValueId>(classes.size())).first->second;
  }
  for (Step& step : key.steps) {
    if (step.effect == Effect::kPut) step.value = class_of[step.value];
  }
  for (auto& set : key.value_sets) {
    for (ValueId& value : set) value = class_of[value];
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
  }
}

class Search {
 public:
  Search(const KeySteps& key, std::size_t configurations_max)
      : key_(key), configurations_max_(configurations_max), events_(0), versions_(0) {}

  SearchResult run() {
    merge_values(key_);
    const RuledOut ruled = apply_versions(key_);
    if (ruled.step != kNoStep) return {Finding::kNoOrder, 0, {}, 0, ruled.step, ruled.obstacle};
    prepare();
    take_true_reads();
    note_progress();
    frames_.push_back({});
    add_moves();
    while (!frames_.empty() && certain_left_ > 0) {
      if (result_.configurations > configurations_max_) {
        result_.finding = Finding::kGaveUp;
        return result_;
      }
      Frame& frame = frames_.back();
      if (frame.next_move == moves_.size()) {
        leave();
      } else {
        enter(moves_[frame.next_move++]);
      }
    }
    result_.finding = certain_left_ == 0 ? Finding::kOrderFound : Finding::kNoOrder;
    return result_;
  }

 private:
  struct Event {
    TimePoint time;
    std::size_t step = 0;
    bool is_deadline = false;
  };
  /// Optional writes that nothing tells apart, by call.
  struct OptionalClass {
    std::vector<std::size_t> steps;
    std::size_t used = 0;
  };
  struct Move {
    std::size_t step = kNoStep;  ///< kNoStep: the next of `optional_class`.
    std::size_t optional_class = 0;
    std::uint64_t version = 0;  ///< kPut: what it gets.
  };
  /// A configuration on the way from the start to here.
  struct Frame {
    KeyState previous_state;
    std::size_t trail_size = 0;  ///< Steps taken before it.
    std::size_t moves_begin = 0;
    std::size_t next_move = 0;
    std::size_t optional_class = kNoStep;  ///< The class whose write led here.
    bool is_demanding = false;             ///< The next step has to be one that `previous_state` did not allow.
  };

  const Step& step(std::size_t i) const { return key_.steps[i]; }

  /// The version by which a certain step is ordered among the others, or kNoVersion.
  static std::uint64_t order_version(const Step& step) {
    if (step.need.version) return *step.need.version;
    return step.version ? *step.version : kNoVersion;
  }

  void prepare() {
    call_event_.resize(key_.steps.size());
    deadline_event_.resize(key_.steps.size());
    version_place_.assign(key_.steps.size(), kNoStep);
    is_taken_.assign(key_.steps.size(), false);
    has_next_item_.assign(key_.steps.size(), false);
    std::map<std::tuple<Effect, Need, ValueId>, OptionalClass> classes;
    std::vector<std::size_t> versioned;
    for (std::size_t i = 0; i < key_.steps.size(); ++i) {
      const Step& it = step(i);
      if (it.need.not_version) refused_versions_.push_back(*it.need.not_version);
      if (it.is_optional) {
        if (it.need.version) wished_versions_.push_back(*it.need.version);
        classes[{it.effect, it.need, it.effect == Effect::kPut ? it.value : 0}].steps.push_back(i);
        continue;
      }
      ++certain_left_;
      event_list_.push_back({it.call, i, false});
      event_list_.push_back({it.deadline, i, true});
      if (order_version(it) != kNoVersion) versioned.push_back(i);
      if (it.previous != kNoStep) has_next_item_[it.previous] = true;
    }
    for (auto& [what, members] : classes) optional_.push_back(std::move(members));
    for (auto* versions : {&wished_versions_, &refused_versions_}) {
      std::sort(versions->begin(), versions->end());
      versions->erase(std::unique(versions->begin(), versions->end()), versions->end());
    }
    link_events();
    link_versions(std::move(versioned));
  }

  void link_events() {
    std::stable_sort(event_list_.begin(), event_list_.end(), [](const Event& a, const Event& b) {
      return std::tie(a.time, a.is_deadline) < std::tie(b.time, b.is_deadline);
    });
    for (std::size_t i = 0; i < event_list_.size(); ++i) {
      (event_list_[i].is_deadline ? deadline_event_ : call_event_)[event_list_[i].step] = i;
    }
    events_ = LinkedList(event_list_.size());
  }

  void link_versions(std::vector<std::size_t> versioned) {
    const auto rank = [this](std::size_t i) {
      return std::make_pair(order_version(step(i)), bool(step(i).need.version));
    };
    std::stable_sort(versioned.begin(), versioned.end(),
                     [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
    for (std::size_t i = 0; i < versioned.size(); ++i) version_place_[versioned[i]] = i;
    version_list_ = std::move(versioned);
    versions_ = LinkedList(version_list_.size());
  }

  /// The certain step with the smallest version among those left, but for `left_out`; or kNoStep.
  std::size_t next_versioned(std::size_t left_out = kNoStep) const {
    std::size_t place = versions_.first();
    if (place != versions_.end() && version_list_[place] == left_out) place = versions_.after(place);
    return place == versions_.end() ? kNoStep : version_list_[place];
  }

  void take(std::size_t i) {
    is_taken_[i] = true;
    taken_.toggle(i);
    trail_.push_back(i);
    if (step(i).is_optional) return;
    --certain_left_;
    events_.take_out(call_event_[i]);
    events_.take_out(deadline_event_[i]);
    if (version_place_[i] != kNoStep) versions_.take_out(version_place_[i]);
  }

  void give_back() {
    const std::size_t i = trail_.back();
    trail_.pop_back();
    is_taken_[i] = false;
    taken_.toggle(i);
    if (step(i).is_optional) return;
    ++certain_left_;
    if (version_place_[i] != kNoStep) versions_.put_back(version_place_[i]);
    events_.put_back(deadline_event_[i]);
    events_.put_back(call_event_[i]);
  }

  bool is_allowed(const Step& it, const KeyState& state) const {
    if (it.is_optional && it.effect == Effect::kRemove && !state.is_present) return false;  // It would change nothing.
    return key_.holds(it.need, state);
  }

  bool waits_for_item(std::size_t i) const { return step(i).previous != kNoStep && !is_taken_[step(i).previous]; }

  /// Certain steps that may come next in time: those called before the first deadline left.
  template <typename Visit>
  void for_each_open(Visit visit) {
    for (std::size_t at = events_.first(); at != events_.end(); at = events_.after(at)) {
      if (event_list_[at].is_deadline) return;
      if (!waits_for_item(event_list_[at].step)) visit(event_list_[at].step);
    }
  }

  std::size_t first_deadline() const {
    std::size_t at = events_.first();
    while (at != events_.end() && !event_list_[at].is_deadline) at = events_.after(at);
    return at;
  }

  /// @return whether there were any
  bool take_true_reads() {
    const std::size_t before = trail_.size();
    std::size_t round = 0;
    do {
      round = trail_.size();
      for_each_open([this](std::size_t i) {
        if (step(i).effect == Effect::kNone && key_.holds(step(i).need, state_)) take(i);
      });
    } while (trail_.size() != round);
    return trail_.size() != before;
  }

  /// Whether a step is left that needs a version that is gone for good.
  bool is_too_late() const {
    const std::size_t next = next_versioned();
    if (next == kNoStep) return false;
    const std::uint64_t version = order_version(step(next));
    if (version != state_.version) return version < state_.version;
    return !step(next).need.version || (!state_.is_present && !step(next).need.may_be_absent);
  }

  bool visit_first() {
    Fingerprint here = taken_;
    here.high ^=
        mix(state_.version * 2 + state_.is_present) ^ mix(~std::uint64_t{state_.is_present ? state_.value : 0});
    here.low += mix(here.high);
    return visited_.insert(here).second;
  }

  void note_progress() {
    const std::size_t taken = event_list_.size() / 2 - certain_left_;
    if (taken < result_.taken || certain_left_ == 0 || (taken == result_.taken && result_.stuck != kNoStep)) return;
    result_.taken = taken;
    result_.state = state_;
    result_.stuck = event_list_[first_deadline()].step;
  }

  void enter(Move move) {
    Frame frame;
    frame.previous_state = state_;
    frame.trail_size = trail_.size();
    frame.moves_begin = frame.next_move = moves_.size();
    if (move.step == kNoStep) {
      OptionalClass& members = optional_[move.optional_class];
      move.step = members.steps[members.used++];
      frame.optional_class = move.optional_class;
    }
    const Step& it = step(move.step);
    take(move.step);
    if (it.effect == Effect::kPut) state_ = {true, it.value, move.version};
    if (it.effect == Effect::kRemove) state_.is_present = false;
    const bool was_useful = take_true_reads();
    frame.is_demanding = it.is_optional && !was_useful;
    frames_.push_back(frame);
    ++result_.configurations;
    if (is_too_late() || (!frame.is_demanding && !visit_first())) return;  // No moves: it is left again at once.
    note_progress();
    add_moves();
  }

  void leave() {
    const Frame frame = frames_.back();
    frames_.pop_back();
    while (trail_.size() > frame.trail_size) give_back();
    if (frame.optional_class != kNoStep) --optional_[frame.optional_class].used;
    state_ = frame.previous_state;
    moves_.resize(frame.moves_begin);
  }

  /// Whether it can come next in the configuration on top.
  bool is_next(const Step& it) const {
    const Frame& frame = frames_.back();
    if (!is_allowed(it, state_)) return false;
    if (!frame.is_demanding) return true;
    if (it.is_optional && it.effect == Effect::kRemove && !frame.previous_state.is_present) return false;
    return !is_allowed(it, frame.previous_state);
  }

  /// Moves are tried from the front: certain ones first, the most urgent of them first.
  void add_moves() {
    if (certain_left_ == 0) return;
    const std::size_t begin = moves_.size();
    std::size_t removal = kNoStep;  // The most urgent one of the plain ones.
    for_each_open([&](std::size_t i) {
      const Step& it = step(i);
      if (it.effect == Effect::kNone || !is_next(it)) return;
      const bool is_plain = it.effect == Effect::kRemove && !it.need.version && it.need.values == kAnyValue &&
                            !it.need.may_be_absent && !has_next_item_[i] && it.previous == kNoStep;
      if (!is_plain) {
        add_moves_of({i, 0, 0}, it);
      } else if (removal == kNoStep || it.deadline < step(removal).deadline) {
        removal = i;
      }
    });
    if (removal != kNoStep) moves_.push_back({removal, 0, 0});
    std::stable_sort(moves_.begin() + static_cast<std::ptrdiff_t>(begin), moves_.end(),
                     [this](const Move& a, const Move& b) { return step(a.step).deadline < step(b.step).deadline; });
    add_optional_moves(removal != kNoStep);
    frames_.back().next_move = begin;
  }

  void add_optional_moves(bool has_removal) {
    const TimePoint now = event_list_[first_deadline()].time;
    for (std::size_t i = 0; i < optional_.size(); ++i) {
      const OptionalClass& members = optional_[i];
      if (members.used == members.steps.size()) continue;
      const Step& it = step(members.steps[members.used]);
      if (it.call > now || !is_next(it)) continue;
      if (has_removal && it.effect == Effect::kRemove && !it.need.version && it.need.values == kAnyValue) continue;
      add_moves_of({kNoStep, i, 0}, it);
    }
  }

  /// One move for each version that it might get.
  void add_moves_of(Move move, const Step& it) {
    const auto add = [&](std::uint64_t version) {
      move.version = version;
      moves_.push_back(move);
    };
    if (it.effect != Effect::kPut) return add(0);
    if (it.version) {
      if (*it.version > state_.version) add(*it.version);
      return;
    }
    const std::size_t next = next_versioned(move.step);
    const std::uint64_t next_version = next == kNoStep ? kNoVersion : order_version(step(next));
    if (next != kNoStep && next_version > state_.version && step(next).need.version &&
        key_.holds(step(next).need, {true, it.value, next_version})) {
      add(next_version);
    }
    std::uint64_t unmentioned = state_.version + 1;
    while (unmentioned < next_version && is_mentioned(unmentioned)) ++unmentioned;
    if (unmentioned < next_version) add(unmentioned);
    const auto add_between = [&](const std::vector<std::uint64_t>& versions, std::uint64_t end) {
      auto at = std::upper_bound(versions.begin(), versions.end(), state_.version);
      for (; at != versions.end() && *at < end; ++at) add(*at);
    };
    add_between(wished_versions_, next_version);
    add_between(refused_versions_, std::min(unmentioned, next_version));
  }

  bool is_mentioned(std::uint64_t version) const {
    return std::binary_search(wished_versions_.begin(), wished_versions_.end(), version) ||
           std::binary_search(refused_versions_.begin(), refused_versions_.end(), version);
  }

  KeySteps key_;
  const std::size_t configurations_max_;
  SearchResult result_;

  std::vector<Event> event_list_;  ///< Calls and deadlines of the certain steps, by time.
  std::vector<std::size_t> call_event_, deadline_event_;
  LinkedList events_;
  std::vector<std::size_t> version_list_;  ///< Certain steps with a version, by version; writers before readers.
  std::vector<std::size_t> version_place_;
  LinkedList versions_;
  std::vector<OptionalClass> optional_;
  std::vector<std::uint64_t> wished_versions_;   ///< if_version of optional writes.
  std::vector<std::uint64_t> refused_versions_;  ///< if_version of writes that were refused for it.
  std::vector<bool> has_next_item_;

  KeyState state_;
  Fingerprint taken_;
  std::vector<bool> is_taken_;
  std::size_t certain_left_ = 0;
  std::vector<std::size_t> trail_;
  std::vector<Move> moves_;
  std::vector<Frame> frames_;
  std::unordered_set<Fingerprint, FingerprintHash> visited_;
};

}  // namespace

SearchResult search_order(const KeySteps& key, std::size_t configurations_max) {
  return Search(key, configurations_max).run();
}

}  // namespace trellis::sim
