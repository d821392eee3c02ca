// The log agrees with a simple map under any history of batches, crashes and disks that tear, lose and flip.
#include <algorithm>
#include <cstdlib>

#include "tests/unit/worker/log/log_on_memory.hpp"

namespace trellis {
namespace {

/// A random history of one log, beside what it should hold.
class LogHistory {
 public:
  explicit LogHistory(std::uint64_t seed) : on_(seed) {}

  void run(int steps) {
    ASSERT_TRUE(on_.open());
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) {
      now_ += std::chrono::milliseconds(15);
      switch (on_.random.below(20)) {
        case 0: crash(false); break;
        case 1: crash(true); break;
        case 2: damage(); break;
        default: turn(); break;
      }
    }
  }
  std::uint64_t segments_freed() const { return freed_; }
  std::uint64_t cut_off() const { return cut_off_; }
  std::uint64_t damage_told() const { return told_; }
  std::uint64_t damage_harmless() const { return harmless_; }

 private:
  void turn() {
    const std::uint64_t segments = on_.log->room().segments;
    on_.log->begin_turn();
    if (on_.log->is_writing()) {
      for (std::uint64_t left = on_.random.below(8); left > 0 && on_.writer->is_under_way(); --left) step();
      finish();
    }
    on_.log->on_tick(now_, 0);
    for (std::uint64_t left = on_.random.below(6); left > 0; --left) collect();
    if (!on_.log->is_writing() && on_.log->has_collected()) {
      under_way_ = collected_;
      on_.log->start_write();
    }
    if (on_.log->room().segments < segments) ++freed_;
  }

  void step() {
    if (steps_done_ < on_.writer->steps()) {
      on_.writer->step();
      ++steps_done_;
    }
  }

  void finish() {
    const auto finished = on_.log->finish_write();
    ASSERT_TRUE(finished) << finished.error().message;
    if (!*finished) return;
    durable_ = *under_way_;
    under_way_.reset();
    steps_done_ = 0;
  }

  void collect() {
    sim::Random& random = on_.random;
    if (random.below(8) == 0) return put_record();
    const PartitionId group{static_cast<std::uint32_t>(random.below(4))};
    auto& entries = collected_.entries[group];
    switch (random.below(7)) {
      case 0: {
        const HardState state{random.below(9), random.below(5)};  // 0: a replica that has just joined its group.
        on_.log->put_hard_state(group, state);
        collected_.hard_states[group] = state;
        break;
      }
      case 1:
        if (!entries.empty())
          truncate(group,
                   entries.rbegin()->first.value + 1 - random.below(std::min<std::size_t>(entries.size(), 3) + 1));
        break;
      case 2:
      case 3:
        if (!entries.empty()) cut(group, entries.begin()->first.value + random.below(12));
        break;
      default: append(group, random.below(6) == 0 ? random.below(9'000) : random.below(600)); break;
    }
    if (entries.empty()) collected_.entries.erase(group);
  }

  void put_record() {
    sim::Random& random = on_.random;
    const std::string name(1, static_cast<char>('a' + random.below(5)));
    if (random.below(4) == 0) {
      on_.log->remove(name, name + "~");
      collected_.records.erase(name);
      return;
    }
    const std::string value = std::to_string(random.bits());
    on_.log->put(name, value);
    collected_.records[name] = value;
  }

  void append(PartitionId group, std::size_t size) {
    auto& entries = collected_.entries[group];
    LogIndex& next = next_[group];
    if (!entries.empty()) next = {entries.rbegin()->first.value + 1};
    if (next.value == 0) next = {1};
    std::string payload(size, '\0');
    for (char& byte : payload) byte = static_cast<char>(on_.random.bits());
    const EntryHead head{on_.random.below(9) + 1, 1};
    on_.log->append(group, next, head, payload);
    entries[next] = {head, payload};
    ++next.value;
  }
  void truncate(PartitionId group, std::uint64_t from) {
    auto& entries = collected_.entries[group];
    on_.log->truncate(group, {from});
    entries.erase(entries.lower_bound({from}), entries.end());
    next_[group] = {from};
  }
  void cut(PartitionId group, std::uint64_t first) {
    auto& entries = collected_.entries[group];
    first = std::min(first, entries.rbegin()->first.value + 1);
    on_.log->cut(group, {first});
    entries.erase(entries.begin(), entries.lower_bound({first}));
  }

  /// What comes back is what was durable, or that and the batch under way.
  void crash(bool power_cut) {
    on_.crash(power_cut);
    const auto opened = on_.open();
    ASSERT_TRUE(opened) << opened.error().message;
    take_up();
  }
  void take_up() {
    if (on_.log->torn()) ++cut_off_;
    const auto read = on_.read();
    ASSERT_TRUE(read) << read.error().message;
    if (under_way_ && *read == *under_way_) durable_ = *under_way_;
    ASSERT_TRUE(*read == durable_) << "what came back is neither what was durable nor that and the batch under way";
    collected_ = durable_;
    next_.clear();
    under_way_.reset();
    steps_done_ = 0;
  }

  /// Damage is told, or has hit nothing that is needed; with the damage undone all is there.
  void damage() {
    on_.log.reset();
    on_.disk.crash(on_.random.chance(0.5));
    if (!on_.disk.flip_bit()) {
      const auto opened = on_.open();
      ASSERT_TRUE(opened) << opened.error().message;
      return take_up();
    }
    const auto opened = on_.open();
    const bool is_read = opened && on_.read();
    if (is_read) {
      ++harmless_;
      on_.disk.mend();  // Else a batch that tears there looks damaged, and rightly so.
      return take_up();
    }
    ++told_;
    on_.log.reset();
    on_.disk.mend();
    const auto again = on_.open();
    ASSERT_TRUE(again) << again.error().message;
    take_up();
  }

  LogOnMemory on_;
  TimePoint now_{std::chrono::seconds(1)};
  LogModel durable_;
  LogModel collected_;  ///< With all that was collected or is under way.
  std::optional<LogModel> under_way_;
  std::map<PartitionId, LogIndex> next_;
  std::size_t steps_done_ = 0;
  std::uint64_t freed_ = 0;
  std::uint64_t cut_off_ = 0;
  std::uint64_t told_ = 0;
  std::uint64_t harmless_ = 0;
};

TEST(DiskLogHistory, ItAgreesWithAMapUnderAnyHistory) {
  const char* const asked = std::getenv("TRELLIS_LOG_SEEDS");
  const std::uint64_t seeds = asked == nullptr ? 60 : std::strtoull(asked, nullptr, 10);
  std::uint64_t freed = 0, cut_off = 0, told = 0, harmless = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LogHistory history(seed);
    history.run(400);
    if (HasFatalFailure()) return;
    freed += history.segments_freed();
    cut_off += history.cut_off();
    told += history.damage_told();
    harmless += history.damage_harmless();
  }
  // The histories meet what they are made for.
  EXPECT_GT(freed, seeds);
  EXPECT_GT(cut_off, seeds / 2);
  EXPECT_GT(told, seeds);
  EXPECT_GT(harmless, seeds);
}

/// The batch that begins a segment's next use may be torn so that the old use's first sector is still there.
TEST(DiskLog, AFreedSegmentThatItsNextUseHasTornIsNoDamage) {
  const std::string payload(2000, 'x');
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LogOnMemory on(seed);
    on.settings.spares = 0;  // What was freed is used next.
    ASSERT_TRUE(on.open());
    LogIndex next{1};
    for (int torn = 0; torn < 10;) {
      on.log->append({0}, next, EntryHead{1, 1}, payload);
      on.log->cut({0}, next);
      on.log->start_write();
      bool is_torn = false;
      while (on.log->is_writing() && !is_torn) {
        is_torn = on.writer->is_under_way() && on.writer->write().pieces.size() > 1;
        if (is_torn) {
          on.writer->step();
        } else {
          on.writer->step_all();
          ASSERT_TRUE(on.log->finish_write());
        }
      }
      if (is_torn) {
        ++torn;
        on.restart();
        if (HasFatalFailure()) return;
      } else {
        ++next.value;
      }
    }
  }
}

}  // namespace
}  // namespace trellis
