// A DiskLog over the simulator's disk, whose writes the test carries out step by step; and what the log should hold.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "sim/memory_disk.hpp"
#include "sim/random.hpp"
#include "worker/log/disk_log.hpp"

namespace trellis {

/// Writes what it is given when it is told to: each piece is written in one step and synced in the next.
class SteppedWriter final : public LogWriter {
 public:
  void start(LogWrite write) override {
    write_ = std::move(write);
    at_ = 0;
    is_under_way_ = true;
  }
  Result<bool> finish() override {
    if (failure_) return *failure_;
    if (!is_under_way_ || at_ < steps()) return false;
    is_under_way_ = false;
    return true;
  }
  Duration took() const override { return {}; }

  std::size_t steps() const { return 2 * write_.pieces.size(); }
  bool is_under_way() const { return is_under_way_; }
  const LogWrite& write() const { return write_; }
  void step() {
    const LogWrite::Piece& piece = write_.pieces[at_ / 2];
    const auto done = at_ % 2 == 0 ? piece.file->write_at(piece.offset, piece.bytes) : piece.file->sync();
    if (!done) failure_ = done.error();
    ++at_;
  }
  void step_all() {
    while (is_under_way_ && at_ < steps() && !failure_) step();
  }

 private:
  LogWrite write_;
  std::size_t at_ = 0;
  bool is_under_way_ = false;
  std::optional<Error> failure_;
};

/// Works at once; what is done comes with the next run_finished().
class ImmediateBackground final : public Background {
 public:
  void run(std::function<void()> work, std::function<void()> done) override {
    work();
    finished_.push_back(std::move(done));
  }
  void run_finished() override {
    std::deque<std::function<void()>> finished;
    finished.swap(finished_);
    for (const auto& done : finished) done();
  }

 private:
  std::deque<std::function<void()>> finished_;
};

/// What a log holds, as simply as can be.
struct LogModel {
  using Entry = std::pair<EntryHead, std::string>;
  std::map<PartitionId, std::map<LogIndex, Entry>> entries;
  std::map<PartitionId, HardState> hard_states;
  std::map<std::string, std::string> records;
  bool operator==(const LogModel&) const = default;
};

class LogOnMemory {
 public:
  explicit LogOnMemory(std::uint64_t seed) : random(seed), disk([this] { return random.bits(); }) {}

  Result<void> open() {
    log.reset();
    background = std::make_unique<ImmediateBackground>();
    writer = std::make_unique<SteppedWriter>();
    auto opened = DiskLog::open(
        disk, *writer, *background, [this] { return random.bits(); }, settings);
    if (!opened) return opened.error();
    log = std::move(*opened);
    return {};
  }
  /// Makes durable what was collected.
  void write() {
    log->start_write();
    for (int i = 0; i < 10 && log->is_writing(); ++i) {
      writer->step_all();
      const auto finished = log->finish_write();
      ASSERT_TRUE(finished) << finished.error().message;
    }
    ASSERT_FALSE(log->is_writing());
  }
  void crash(bool power_cut) {
    log.reset();
    disk.crash(power_cut);
  }
  void restart() {
    crash(true);
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
  }

  /// All that the log says that it holds; empty maps are left out.
  Result<LogModel> read() {
    LogModel model;
    for (std::uint32_t group = 0; group < 4; ++group) {
      const auto keep = [&](LogIndex index, const EntryHead& head, std::string_view payload) -> Result<void> {
        model.entries[{group}][index] = {head, std::string(payload)};
        return {};
      };
      if (auto done = log->entries({group}, keep); !done) return done.error();
      const auto state = log->hard_state({group});
      if (!state) return state.error();
      if (*state) model.hard_states[{group}] = **state;
    }
    const auto keep = [&](std::string_view name, std::string_view value) -> Result<void> {
      model.records.emplace(name, value);
      return {};
    };
    if (auto done = log->scan("a", "z", keep); !done) return done.error();
    return model;
  }

  sim::Random random;
  sim::MemoryDisk disk;
  DiskLogSettings settings{4 * kBlockSize, 16 * kBlockSize, 2, 64 * kBlockSize, {}};
  std::unique_ptr<ImmediateBackground> background;
  std::unique_ptr<SteppedWriter> writer;
  std::unique_ptr<DiskLog> log;
};

}  // namespace trellis
