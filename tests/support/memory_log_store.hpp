// MemoryLogStore: a LogStore in memory, whose batches become durable when the test says so.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/log/log_store.hpp"

namespace trellis {

class MemoryLogStore final : public LogStore {
 public:
  void append(PartitionId group, LogIndex index, const EntryHead& head, std::string_view payload) override {
    collected_.push_back([=, bytes = std::string(payload)](Durable& durable) {
      durable.entries[group][index] = {head, bytes};
    });
  }
  void truncate(PartitionId group, LogIndex from) override {
    collected_.push_back([=](Durable& durable) {
      Entries& entries = durable.entries[group];
      entries.erase(entries.lower_bound(from), entries.end());
    });
  }
  void cut(PartitionId group, LogIndex first) override {
    collected_.push_back([=](Durable& durable) {
      Entries& entries = durable.entries[group];
      entries.erase(entries.begin(), entries.lower_bound(first));
    });
  }
  void put_hard_state(PartitionId group, const HardState& state) override {
    collected_.push_back([=](Durable& durable) { durable.hard_states[group] = state; });
  }
  void put(std::string_view name, std::string_view value) override {
    collected_.push_back(
        [name = std::string(name), value = std::string(value)](Durable& durable) { durable.records[name] = value; });
  }
  void remove(std::string_view from, std::string_view to) override {
    collected_.push_back([from = std::string(from), to = std::string(to)](Durable& durable) {
      durable.records.erase(durable.records.lower_bound(from), durable.records.lower_bound(to));
    });
  }
  bool has_collected() const override { return !collected_.empty(); }
  void start_write() override {
    under_way_.swap(collected_);
    writing_ = true;
  }
  bool is_writing() const override { return writing_; }
  Duration write_took() const override { return {}; }
  Result<bool> finish_write() override {
    if (fails) return Error{Code::kInternal, "the disk has failed"};
    if (holds_back) return false;
    for (const Change& change : under_way_) change(durable_);
    under_way_.clear();
    writing_ = false;
    return true;
  }
  Result<std::optional<HardState>> hard_state(PartitionId group) override {
    const auto at = durable_.hard_states.find(group);
    return at == durable_.hard_states.end() ? std::optional<HardState>{} : std::optional(at->second);
  }
  Result<std::optional<std::string>> get(std::string_view name) override {
    const auto at = durable_.records.find(name);
    return at == durable_.records.end() ? std::optional<std::string>{} : std::optional(at->second);
  }
  Result<void> scan(std::string_view from, std::string_view to, const RecordVisitor& visit) override {
    for (auto at = durable_.records.lower_bound(from); at != durable_.records.end() && at->first < to; ++at) {
      if (auto visited = visit(at->first, at->second); !visited) return visited.error();
    }
    return {};
  }
  Result<void> entries(PartitionId group, const EntryVisitor& visit) override {
    for (const auto& [index, entry] : durable_.entries[group]) {
      if (auto visited = visit(index, entry.first, entry.second); !visited) return visited.error();
    }
    return {};
  }

  /// What a crash leaves: everything that was not durable is gone.
  void crash() {
    collected_.clear();
    under_way_.clear();
    writing_ = false;
  }
  /// Damage: as if this group had never voted.
  void lose_hard_state(PartitionId group) { durable_.hard_states.erase(group); }
  /// Damage: one entry is gone, and those around it are there.
  void lose_entry(PartitionId group, LogIndex index) { durable_.entries[group].erase(index); }

  bool holds_back = false;  ///< Batches under way stay so.
  bool fails = false;

 private:
  using Entries = std::map<LogIndex, std::pair<EntryHead, std::string>>;
  struct Durable {
    std::map<PartitionId, Entries> entries;
    std::map<PartitionId, HardState> hard_states;
    std::map<std::string, std::string, std::less<>> records;
  };
  using Change = std::function<void(Durable&)>;

  std::vector<Change> collected_;
  std::vector<Change> under_way_;
  Durable durable_;
  bool writing_ = false;
};

}  // namespace trellis
