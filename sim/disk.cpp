#include "sim/disk.hpp"

#include <algorithm>

#include "protocol/check.hpp"
#include "sim/mutations/mutated_log.hpp"
#include "worker/data_check.hpp"
#include "worker/log/disk_log.hpp"

namespace trellis::sim {
namespace {

/// What a segment begins with (the map, and what peers have promised) takes some 150 bytes a partition.
constexpr std::uint32_t kPartitionsOfSmallSegments = 64;

/// Small segments, so that a short run sees many.
DiskLogSettings settings(const Mutations& mutations, std::uint32_t partitions) {
  const std::uint64_t first = std::max(partitions / kPartitionsOfSmallSegments, 1u) * (std::uint64_t{32} << 10);
  const std::uint64_t most = std::max<std::uint64_t>(first, 128 << 10);
  DiskLogSettings settings{first, most, 2, 32 * most, {}};
  settings.omitted.checksums = mutations.has(Mutation::kChecksumIgnored);
  settings.omitted.incarnations = mutations.has(Mutation::kEarlierUseRead);
  settings.omitted.sectors = mutations.has(Mutation::kTornBatch);
  settings.omitted.damage = mutations.has(Mutation::kDamageCutOff);
  settings.omitted.truncations = mutations.has(Mutation::kTruncateIgnored);
  settings.omitted.use = mutations.has(Mutation::kSegmentReused);
  return settings;
}

}  // namespace

class Disk::Sink final : public SnapshotSink {
 public:
  Sink(Disk& disk, std::string name) : disk_(disk), name_(std::move(name)) {}
  Result<void> write(std::string_view bytes) override {
    if (disk_.log_files_.is_full) return fail(Code::kResourceExhausted, "no space left");
    content_.append(bytes);
    return {};
  }
  Result<void> sync() override {
    if (disk_.log_files_.is_failing) return fail(Code::kInternal, "the sync failed");
    return {};
  }
  Result<void> commit() override {
    if (disk_.log_files_.is_full) return fail(Code::kResourceExhausted, "no space left");
    if (disk_.log_files_.is_failing) return fail(Code::kInternal, "the sync failed");
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

Result<void> Disk::open_log() {
  log_.reset();  // That of an incarnation that did not begin.
  log_background_ = std::make_unique<SimulatedBackground>(world_, [this] { on_written(); });
  log_writer_ =
      std::make_unique<SimulatedLogWriter>(world_, log_files_, conditions, mutations_, [this] { on_written(); });
  auto log = DiskLog::open(
      log_files_, *log_writer_, *log_background_, [this] { return world_.random().bits(); },
      settings(mutations_, partitions_));
  if (!log) return log.error();
  if ((*log)->torn()) world_.note("a torn batch is cut off");
  if ((*log)->last_batch() < acknowledged_) {
    world_.violate("a log ends with batch " + std::to_string((*log)->last_batch()) + ", and batch " +
                   std::to_string(acknowledged_) + " was durable");
  }
  acknowledged_ = (*log)->last_batch();
  const auto note = [this, log = log->get()] { acknowledged_ = log->last_batch(); };
  log_ = std::make_unique<MutatedLog>(std::move(*log), mutations_, note);
  return {};
}

void Disk::write_at_once() {
  const DiskConditions usual = std::exchange(conditions, DiskConditions{{}, {}, 1, 0, {}});
  log_->start_write();
  while (log_->is_writing()) {
    world_.run_until(world_.now() + std::chrono::milliseconds(1));  // A segment is being made.
    CHECK(log_->finish_write());
  }
  conditions = usual;
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
  newest_acknowledged_ = std::exchange(acknowledged_, 0);
  log_files_.put_back(older.log);
  files_ = std::move(older.snapshots);
}

bool Disk::is_damaged() { return check_data(log_files_, *this).is_damaged; }

void Disk::wipe() {
  log_files_.put_back({});
  files_.clear();
  removed_.clear();
  flips_.clear();
  newest_.reset();
  acknowledged_ = 0;
}

bool Disk::restore_newest() {
  if (!newest_) return false;
  log_files_.put_back(newest_->log);
  acknowledged_ = newest_acknowledged_;
  files_ = std::move(newest_->snapshots);
  newest_.reset();
  return true;
}

void Disk::crash(bool power_cut) {
  newest_.reset();
  log_.reset();
  log_writer_.reset();
  log_background_.reset();
  // What such a mutation does shows when the power goes.
  const bool forgets = mutations_.has(Mutation::kSyncLeftOut) || mutations_.has(Mutation::kAckBeforeSync);
  log_files_.crash(power_cut || forgets);
  if (power_cut) {
    for (const auto& [name, file] : removed_) {
      if (world_.random().chance(0.3)) files_.try_emplace(name, file);
    }
  }
  removed_.clear();
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
  log_files_.mend();
  for (const Flip& flip : flips_) {
    char& byte = (*flip.file)[flip.at];
    byte = static_cast<char>(byte ^ flip.bit);
  }
  flips_.clear();
}

bool Disk::take_excuse() {
  const bool log_had_trouble = log_files_.take_trouble();
  return std::exchange(had_trouble_, false) || log_had_trouble;
}

}  // namespace trellis::sim
