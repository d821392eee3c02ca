// MemoryLogStore: a LogStore in memory, whose batches become durable when the test says so.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "worker/raft/log_store.hpp"

namespace trellis {

class MemoryLogStore final : public LogStore {
 public:
  void put(std::string_view key, std::string_view head, std::string_view payload) override {
    collected_.push_back({std::string(key), std::string(head) + std::string(payload), false});
  }
  void remove_range(std::string_view from, std::string_view to) override {
    collected_.push_back({std::string(from), std::string(to), true});
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
    for (const Change& change : under_way_) {
      if (change.removes) {
        durable_.erase(durable_.lower_bound(change.key), durable_.lower_bound(change.value));
      } else {
        durable_[change.key] = change.value;
      }
    }
    under_way_.clear();
    writing_ = false;
    return true;
  }
  Result<std::optional<std::string>> get(std::string_view key) override {
    const auto at = durable_.find(std::string(key));
    return at == durable_.end() ? std::optional<std::string>{} : std::optional<std::string>(at->second);
  }
  Result<void> scan(std::string_view from, std::string_view to,
                    const std::function<Result<void>(std::string_view, std::string_view)>& visit) override {
    for (auto at = durable_.lower_bound(std::string(from)); at != durable_.end() && at->first < to; ++at) {
      if (auto visited = visit(at->first, at->second); !visited) return visited.error();
    }
    return {};
  }

  /// What a crash leaves: everything that was not durable is gone.
  void crash() {
    collected_.clear();
    under_way_.clear();
    writing_ = false;
  }

  bool holds_back = false;  ///< Batches under way stay so.
  bool fails = false;

 private:
  struct Change {
    std::string key;
    std::string value;  ///< Or the end of the range that is removed.
    bool removes;
  };
  std::vector<Change> collected_;
  std::vector<Change> under_way_;
  std::map<std::string, std::string> durable_;
  bool writing_ = false;
};

}  // namespace trellis
