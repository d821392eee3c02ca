// Disk: what a worker keeps between its incarnations, the files of its log and its snapshots.
//
// The log is the one of production, over a MemoryDisk.  Snapshots are durable when they are committed; that one was
// removed may be forgotten by a power cut.  Writes and syncs can fail, also for want of space; bits can be flipped, and
// writes of the log lost or misdirected.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/memory_disk.hpp"
#include "sim/mutations/mutations.hpp"
#include "sim/simulated_background.hpp"
#include "sim/simulated_log_writer.hpp"
#include "sim/world.hpp"
#include "worker/log/log_store.hpp"
#include "worker/snapshot/snapshot_store.hpp"

namespace trellis::sim {

class Disk final : public SnapshotStore {
 public:
  /// @param partitions  of the cluster: the more there are, the longer is what each segment of the log begins with
  Disk(World& world, const Mutations& mutations, std::uint32_t partitions)
      : world_(world),
        mutations_(mutations),
        partitions_(partitions),
        log_files_([&world] { return world.random().bits(); }) {}

  DiskConditions conditions;

  /// Called when the log has something to say.
  std::function<void()> on_written;

  /// An incarnation begins.  Error: the log is damaged.
  Result<void> open_log();
  /// During an incarnation.
  LogStore& log() { return *log_; }

  // SnapshotStore
  Result<std::unique_ptr<SnapshotSink>> create(const std::string& name) override;
  Result<std::unique_ptr<SnapshotSource>> open(const std::string& name) const override;
  Result<void> remove(const std::string& name) override;
  std::uint64_t room() const override { return log_files_.is_full ? 0 : UINT64_MAX; }
  Result<std::vector<std::string>> list() const override;

  /// Makes durable what is collected, before the first incarnation.
  void write_at_once();
  /// The process has ended.  What was under way is durable or gone.
  void crash(bool power_cut);

  /// Writes and syncs fail.
  void fail() { log_files_.is_failing = true; }
  /// Nothing becomes longer.
  void fill() { log_files_.is_full = true; }
  /// Flips one bit of the log; false where there is none.
  bool flip_log_bit() { return log_files_.flip_bit(); }
  /// Whether a write of the log has gone astray, or is to.
  bool is_astray() const { return log_files_.is_astray(); }
  /// The log's next write is lost, or goes to another place; once a later one is durable that shows at the next start.
  void lead_astray(MemoryDisk::Astray how) { log_files_.lead_astray(how); }
  /// Flips one bit of a snapshot; false where there is none.
  bool flip_snapshot_bit();
  /// Damage is undone, failures end.
  void mend();

  /// What is there now, as a disk's image holds it.
  struct Image {
    MemoryDisk::Image log;
    std::map<std::string, std::shared_ptr<std::string>> snapshots;
  };
  Image image() const { return {log_files_.image(), files_}; }
  /// The process is down, and starts with an older image next.
  void put_back(Image older);
  /// The process is down: whether a start would find that something is not as it was written.
  bool is_damaged();
  /// The process is down, and starts with nothing.
  void wipe();
  /// What was there before put_back() is there again; false: nothing was put back, or an incarnation has ended since.
  bool restore_newest();

  /// Whether anything was wrong with it since the last call, or still is: a worker may stop for that.
  bool take_excuse();
  /// Bytes of entries that are not cut off.
  std::uint64_t log_bytes() const { return log_->room().needed; }
  std::size_t snapshots() const { return files_.size(); }

 private:
  class Sink;
  class Source;

  World& world_;
  const Mutations& mutations_;
  std::uint32_t partitions_;
  MemoryDisk log_files_;
  // These belong to one incarnation, and go in the opposite order.
  std::unique_ptr<SimulatedBackground> log_background_;
  std::unique_ptr<SimulatedLogWriter> log_writer_;
  std::unique_ptr<LogStore> log_;
  mutable bool had_trouble_ = false;
  std::uint64_t acknowledged_ = 0;         ///< The last batch that its worker was told of as durable.
  std::uint64_t newest_acknowledged_ = 0;  ///< That of newest_.

  std::map<std::string, std::shared_ptr<std::string>> files_;
  std::map<std::string, std::shared_ptr<std::string>> removed_;  ///< A power cut may bring them back.
  struct Flip {
    std::shared_ptr<std::string> file;
    std::size_t at;
    char bit;
  };
  std::vector<Flip> flips_;
  std::optional<Image> newest_;  ///< While an older one is in its place.
};

}  // namespace trellis::sim
