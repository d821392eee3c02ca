#include "sim/disk.hpp"

#include <algorithm>

#include "protocol/check.hpp"

namespace trellis::sim {

class Disk::Sink final : public SnapshotSink {
 public:
  Sink(Disk& disk, std::string name) : disk_(disk), name_(std::move(name)) {}
  Result<void> write(std::string_view bytes) override {
    if (disk_.is_full) return fail(Code::kResourceExhausted, "no space left");
    content_.append(bytes);
    return {};
  }
  Result<void> commit() override {
    if (disk_.is_full) return fail(Code::kResourceExhausted, "no space left");
    if (disk_.is_failing) return fail(Code::kInternal, "the sync failed");
    disk_.removed_.erase(name_);
    disk_.files_[name_] = std::make_shared<std::string>(std::move(content_));
    return {};
  }

 private:
  Error fail(Code code, std::string why) {
    disk_.had_trouble_ = true;
    return {code, std::move(why)};
  }
  Disk& disk_;
  std::string name_;
  std::string content_;
};

class Disk::Source final : public SnapshotSource {
 public:
  explicit Source(std::shared_ptr<const std::string> content) : content_(std::move(content)) {}
  std::uint64_t size() const override { return content_->size(); }
  Result<std::string> read(std::uint64_t offset, std::size_t count) const override {
    return offset < content_->size() ? content_->substr(offset, count) : std::string();
  }

 private:
  std::shared_ptr<const std::string> content_;
};

void Disk::put(std::string_view key, std::string_view head, std::string_view payload) {
  collected_.push_back({std::string(key), std::string(head) + std::string(payload), false});
  // A snapshot record begins with its index.
  if (key.front() == 'S' && mutations_.has(Mutation::kSnapshotWrongIndex)) --collected_.back().value[0];
  if (key.front() == 'C' && mutations_.has(Mutation::kCommitHintAhead)) collected_.back().value[0] += 3;
}

void Disk::remove_range(std::string_view from, std::string_view to) {
  // Of the tail of a group's log: from some entry on ('L' group index) to where the next group's begin.
  const bool is_truncation = from.front() == 'L' && to.size() < from.size() && from.substr(5) != std::string(8, '\0');
  if (is_truncation && mutations_.has(Mutation::kTruncateIgnored)) return;
  if (!is_truncation && mutations_.has(Mutation::kLogsGrow)) return;
  collected_.push_back({std::string(from), std::string(to), true});
}

void Disk::start_write() {
  CHECK(!is_writing_);
  under_way_.clear();
  under_way_.swap(collected_);
  is_writing_ = true;
  is_done_ = false;
  if (mutations_.has(Mutation::kAckBeforeSync)) return write_in_secret();
  Random& random = world_.random();
  if (conditions.at_once > 0 && random.chance(conditions.at_once)) {
    ++write_number_;
    ++syncs_;
    is_done_ = true;
    return;
  }
  Duration takes = random.between(conditions.sync_min, conditions.sync_max);
  if (random.chance(conditions.stall)) takes += random.between(Duration(0), conditions.stall_max);
  world_.after(takes, [this, number = ++write_number_] {
    if (number != write_number_ || !is_writing_) return;  // Of an earlier incarnation.
    is_done_ = true;
    ++syncs_;
    if (on_written) on_written();
  });
}

void Disk::write_at_once() {
  apply(collected_, collected_.size(), durable_);
  apply(collected_, collected_.size(), synced_);
  collected_.clear();
}

/// A mutation: the batch is called durable at once, and is so only later.
void Disk::write_in_secret() {
  is_done_ = true;
  const Duration takes = world_.random().between(conditions.sync_min, conditions.sync_max) * 20;
  world_.after(takes, [this, number = write_number_, batch = under_way_] {
    if (number == write_number_) apply(batch, batch.size(), synced_);
  });
  world_.after(Duration(1), [this, number = write_number_] {
    if (number == write_number_ && on_written) on_written();
  });
}

Result<bool> Disk::finish_write() {
  if (!is_done_) return false;
  if (is_full || is_failing) {
    had_trouble_ = true;
    return Error{Code::kInternal, is_full ? "the disk is full" : "the sync failed"};
  }
  apply(under_way_, under_way_.size(), durable_);
  under_way_.clear();
  is_writing_ = false;
  is_done_ = false;
  return true;
}

void Disk::apply(const Batch& batch, std::size_t count, Records& to) {
  for (std::size_t i = 0; i < count; ++i) {
    const Change& change = batch[i];
    if (change.removes) {
      to.erase(to.lower_bound(change.key), to.lower_bound(change.value));
    } else {
      to[change.key] = change.value;
    }
  }
}

Result<std::optional<std::string>> Disk::get(std::string_view key) {
  if (is_damaged) {
    had_trouble_ = true;
    return Error{Code::kInternal, "the log is damaged"};
  }
  const auto at = durable_.find(key);
  return at == durable_.end() ? std::optional<std::string>{} : std::optional<std::string>(at->second);
}

Result<void> Disk::scan(std::string_view from, std::string_view to,
                        const std::function<Result<void>(std::string_view, std::string_view)>& visit) {
  if (is_damaged) {
    had_trouble_ = true;
    return Error{Code::kInternal, "the log is damaged"};
  }
  for (auto at = durable_.lower_bound(from); at != durable_.end() && at->first < to; ++at) {
    if (auto visited = visit(at->first, at->second); !visited) return visited.error();
  }
  return {};
}

Result<std::unique_ptr<SnapshotSink>> Disk::create(const std::string& name) {
  return std::unique_ptr<SnapshotSink>(std::make_unique<Sink>(*this, name));
}

Result<std::unique_ptr<SnapshotSource>> Disk::open(const std::string& name) const {
  const auto file = files_.find(name);
  if (file == files_.end()) return Error{Code::kNotFound, "no snapshot " + name};
  if (!flips_.empty()) had_trouble_ = true;
  return std::unique_ptr<SnapshotSource>(std::make_unique<Source>(file->second));
}

Result<void> Disk::remove(const std::string& name) {
  if (mutations_.has(Mutation::kLogsGrow)) return {};
  const auto file = files_.find(name);
  if (file == files_.end()) return {};
  removed_[name] = file->second;
  files_.erase(file);
  return {};
}

Result<std::vector<std::string>> Disk::list() const {
  std::vector<std::string> names;
  for (const auto& [name, bytes] : files_) names.push_back(name);
  return names;
}

void Disk::put_back(Image older) {
  newest_ = image();
  durable_ = std::move(older.records);
  files_ = std::move(older.files);
}

bool Disk::restore_newest() {
  if (!newest_) return false;
  durable_ = std::move(newest_->records);
  files_ = std::move(newest_->files);
  newest_.reset();
  return true;
}

void Disk::crash(bool power_cut) {
  newest_.reset();
  Random& random = world_.random();
  if (is_writing_ && mutations_.has(Mutation::kTornBatch)) {
    const std::size_t whole = random.below(under_way_.size());
    apply(under_way_, whole, durable_);
    const Change& torn = under_way_[whole];
    if (!torn.removes) durable_[torn.key] = torn.value.substr(0, torn.value.size() / 2);
  } else if (is_writing_ && random.chance(0.5)) {
    apply(under_way_, under_way_.size(), durable_);
  }
  if (mutations_.has(Mutation::kAckBeforeSync)) durable_ = synced_;
  if (mutations_.has(Mutation::kVoteForgotten)) forget_votes();
  if (mutations_.has(Mutation::kSyncedTailLost)) lose_tails();
  if (power_cut) {
    for (const auto& [name, file] : removed_) {
      if (random.chance(0.3)) files_.try_emplace(name, file);
    }
  }
  removed_.clear();
  collected_.clear();
  under_way_.clear();
  is_writing_ = false;
  is_done_ = false;
  ++write_number_;
}

/// A mutation: term is kept, vote is not.  A hard state is term u64 | vote u64.
void Disk::forget_votes() {
  for (auto at = durable_.lower_bound("H"); at != durable_.end() && at->first < "I"; ++at) {
    std::fill(at->second.begin() + 8, at->second.end(), '\0');
  }
}

/// A mutation: of each group's log the last entry is gone, though it was synced.
void Disk::lose_tails() {
  for (auto at = durable_.begin(); at != durable_.end();) {
    const auto next = std::next(at);
    const bool is_last_entry =
        at->first.front() == 'L' && (next == durable_.end() || next->first.substr(0, 5) != at->first.substr(0, 5));
    if (is_last_entry && at->first.substr(5) != std::string(7, '\0') + '\1') durable_.erase(at);
    at = next;
  }
}

bool Disk::flip_snapshot_bit() {
  if (files_.empty()) return false;
  Random& random = world_.random();
  auto file = files_.begin();
  std::advance(file, static_cast<std::ptrdiff_t>(random.below(files_.size())));
  std::string& bytes = *file->second;
  if (bytes.empty()) return false;
  const Flip flip{file->second, random.below(bytes.size()), static_cast<char>(1u << random.below(8))};
  bytes[flip.at] = static_cast<char>(bytes[flip.at] ^ flip.bit);
  flips_.push_back(flip);
  had_trouble_ = true;
  return true;
}

void Disk::mend() {
  is_failing = is_full = is_damaged = false;
  for (const Flip& flip : flips_) {
    char& byte = (*flip.file)[flip.at];
    byte = static_cast<char>(byte ^ flip.bit);
  }
  flips_.clear();
}

std::uint64_t Disk::log_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [key, value] : durable_) bytes += key.size() + value.size();
  return bytes;
}

}  // namespace trellis::sim
