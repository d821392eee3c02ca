#include "sim/backup_watch.hpp"

#include "protocol/packed.hpp"
#include "sim/cluster.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

constexpr Duration kPairMin = milliseconds(2);
constexpr Duration kPairMax = milliseconds(20);
constexpr Duration kPauseMax = milliseconds(100);
/// A backup that has not come to its end by then is given up: what it asked for may be lost with its client.
constexpr Duration kGivenUpAfter = milliseconds(8'000);
constexpr std::uint64_t kRefusalsMax = 50;
constexpr milliseconds kPageTimeout{1'000};
/// Some dozen records a page.
constexpr std::size_t kPageSize = 8'000;

std::string key_of(std::uint64_t pair, bool is_second) {
  return "pair/" + std::to_string(pair) + (is_second ? "/second" : "/first");
}

}  // namespace

void BackupWatch::begin() {
  write_pair();
  begin_backup();
}

void BackupWatch::write_pair() {
  World& world = cluster_.world();
  world.after(world.random().between(kPairMin, kPairMax), [this] {
    if (is_finishing_) return;
    const std::uint64_t pair = next_pair_++;
    write(key_of(pair, false), key_of(pair, true));
    write_pair();
  });
}

void BackupWatch::write(const std::string& key, const std::string& then) {
  writes_[key].called = cluster_.world().now();
  const auto writer = static_cast<std::size_t>(cluster_.world().random().below(cluster_.clients()));
  cluster_.client(writer).probe(Command::kPut, key, [this, key, then](bool ok) {
    if (!ok) return;
    writes_[key].acknowledged = cluster_.world().now();
    if (then.empty()) return;
    cluster_.world().after(Duration(0), [this, then] {
      if (!is_finishing_) write(then, {});
    });
  });
}

void BackupWatch::begin_backup() {
  World& world = cluster_.world();
  world.after(world.random().between(milliseconds(1), kPauseMax), [this] {
    if (is_finishing_) return;
    std::set<std::uint32_t> partitions;
    for (std::uint32_t i = 0; i < cluster_.shape().partitions; ++i) partitions.insert(i);
    current_ = std::make_shared<Backup>(std::move(partitions));
    current_->begun = cluster_.world().now();
    const BackupPointer backup = current_;
    cluster_.world().after(kGivenUpAfter, [this, backup] {
      if (current_ == backup) end(backup);
    });
    ask(backup, backup->attempt.begin());
  });
}

void BackupWatch::ask(const BackupPointer& backup, const std::vector<CutAsk>& asks) {
  for (const CutAsk& each : asks) {
    cluster_.client(0).ask(each.command, each.arguments, each.timeout, [this, backup, each](const Reply& reply) {
      if (!each.is_awaited || current_ != backup) return;
      const bool was_over = backup->attempt.is_over();
      const auto next = backup->attempt.on_answer(each, reply);
      if (backup->attempt.is_over() && !was_over) on_cut_over(backup);
      ask(backup, next);
    });
  }
}

void BackupWatch::on_cut_over(const BackupPointer& backup) {
  if (!backup->attempt.is_made()) return end(backup);
  backup->made = cluster_.world().now();
  for (const auto& [partition, fence] : backup->attempt.fences()) backup->left.insert(partition);
  for (const auto& [partition, fence] : backup->attempt.fences()) read(backup, partition, std::nullopt);
}

void BackupWatch::read(const BackupPointer& backup, std::uint32_t partition, const std::optional<std::string>& after) {
  FencePageArguments page{partition, backup->attempt.fences().at(partition).name, std::nullopt, kPageSize};
  if (after) page.after = *after;
  cluster_.client(0).ask(Command::kFenceRead, pack_fence_page(page), kPageTimeout,
                         [this, backup, partition, after](const Reply& reply) {
                           if (current_ == backup) on_page(backup, partition, after, reply);
                         });
}

void BackupWatch::on_page(const BackupPointer& backup, std::uint32_t partition, std::optional<std::string> after,
                          const Reply& reply) {
  if (reply.status != Code::kOk) {
    // Its replicas may all have started anew.
    if (++backup->refusals > kRefusalsMax) return end(backup);
    cluster_.world().after(milliseconds(20), [this, backup, partition, after] {
      if (current_ == backup) read(backup, partition, after);
    });
    return;
  }
  PackedReader reader(reply.result);
  for (std::uint32_t left = reader.read_array().value_or(0); left > 0; --left) {
    PackedReader record(reader.read_value().value_or(std::string_view()));
    const auto key = record.read_array() == 4u ? record.read_bytes() : std::nullopt;
    if (!key) return cluster_.world().violate("a page of what was frozen cannot be read");
    if (after && *key <= *after) return cluster_.world().violate("a page of what was frozen goes back");
    after = std::string(*key);
    backup->keys.insert(*after);
  }
  if (reply.info.more) return read(backup, partition, after);
  backup->left.erase(partition);
  if (!backup->left.empty()) return;
  check(*backup);
  end(backup);
}

void BackupWatch::check(const Backup& backup) {
  ++cluster_.counters().backups;
  for (const auto& [key, write] : writes_) {
    const bool is_there = backup.keys.contains(key);
    if (!is_there && write.acknowledged && *write.acknowledged < backup.begun) {
      cluster_.world().violate("a backup lacks " + key + ", which was acknowledged before it was begun");
    }
    if (is_there && write.called > backup.made) {
      cluster_.world().violate("a backup holds " + key + ", which was asked for after its cut was made");
    }
  }
  for (std::uint64_t pair = 1; pair < next_pair_; ++pair) {
    if (backup.keys.contains(key_of(pair, true)) && !backup.keys.contains(key_of(pair, false))) {
      cluster_.world().violate("a backup holds " + key_of(pair, true) + ", and lacks the first of that pair");
    }
  }
}

void BackupWatch::end(const BackupPointer& backup) {
  for (const auto& [partition, fence] : backup->attempt.fences()) {
    const std::string arguments = pack_fence({partition, FenceAction::kEnd, fence.name});
    cluster_.client(0).ask(Command::kFence, arguments, kPageTimeout, [](const Reply&) {});
  }
  current_.reset();
  begin_backup();
}

}  // namespace trellis::sim
