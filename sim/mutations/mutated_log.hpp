// MutatedLog: a worker's log, with what mutations do to what is collected in it or read from it.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "sim/mutations/mutations.hpp"
#include "worker/log/log_store.hpp"

namespace trellis::sim {

class MutatedLog final : public LogStore {
 public:
  /// @param on_durable  called when the worker is told that a batch is durable
  MutatedLog(std::unique_ptr<LogStore> log, const Mutations& mutations, std::function<void()> on_durable)
      : log_(std::move(log)), mutations_(mutations), on_durable_(std::move(on_durable)) {}

  void append(PartitionId group, LogIndex index, const EntryHead& head, std::string_view payload) override {
    log_->append(group, index, head, payload);
  }
  void truncate(PartitionId group, LogIndex from) override { log_->truncate(group, from); }
  void cut(PartitionId group, LogIndex first) override {
    if (!mutations_.has(Mutation::kLogsGrow)) log_->cut(group, first);
  }
  void put_hard_state(PartitionId group, const HardState& state) override {
    log_->put_hard_state(group, {state.term, mutations_.has(Mutation::kVoteForgotten) ? 0 : state.vote});
  }
  void put(std::string_view name, std::string_view value) override;
  void remove(std::string_view from, std::string_view to) override { log_->remove(from, to); }
  bool has_collected() const override { return log_->has_collected(); }
  void start_write() override { log_->start_write(); }
  bool is_writing() const override { return log_->is_writing(); }
  Duration write_took() const override { return log_->write_took(); }
  Result<bool> finish_write() override;
  Result<std::optional<HardState>> hard_state(PartitionId group) override { return log_->hard_state(group); }
  Result<std::optional<std::string>> get(std::string_view name) override { return log_->get(name); }
  Result<void> scan(std::string_view from, std::string_view to, const RecordVisitor& visit) override {
    return log_->scan(from, to, visit);
  }
  Result<void> entries(PartitionId group, const EntryVisitor& visit) override;
  void begin_turn() override { log_->begin_turn(); }
  void on_tick(TimePoint now, std::uint64_t needed) override { log_->on_tick(now, needed); }
  LogRoom room() const override { return log_->room(); }

 private:
  std::unique_ptr<LogStore> log_;
  const Mutations& mutations_;
  std::function<void()> on_durable_;
};

}  // namespace trellis::sim
