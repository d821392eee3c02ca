// Disk: a worker's log store and snapshot store in memory, which outlive the worker.
//
// A batch becomes durable some time after it was handed over; what a crash finds under way is durable whole or not at
// all (RocksDB's WriteBatch is atomic).  Snapshots are durable when they are committed; that one was removed may be
// forgotten by a power cut.  Writes and syncs can fail, also for want of space, reads can find flipped bits.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/mutations/mutations.hpp"
#include "sim/world.hpp"
#include "worker/raft/log_store.hpp"
#include "worker/snapshot/snapshot_store.hpp"

namespace trellis::sim {

struct DiskConditions {
  Duration sync_min{100};
  Duration sync_max{2'000};
  double at_once = 0;  ///< Share of batches that are durable when start_write() returns.
  double stall = 0;    ///< Share of syncs that take
  Duration stall_max{200'000};
};

class Disk final : public LogStore, public SnapshotStore {
 public:
  Disk(World& world, const Mutations& mutations) : world_(world), mutations_(mutations) {}

  DiskConditions conditions;
  bool is_failing = false;  ///< Writes and syncs of the log fail.
  bool is_full = false;     ///< All writes fail.
  bool is_damaged = false;  ///< Reading the log finds a broken checksum.

  /// Called when finish_write() has something to say.
  std::function<void()> on_written;

  // LogStore
  void put(std::string_view key, std::string_view head, std::string_view payload) override;
  void remove_range(std::string_view from, std::string_view to) override;
  bool has_collected() const override { return !collected_.empty(); }
  void start_write() override;
  bool is_writing() const override { return is_writing_; }
  Duration write_took() const override { return {}; }
  Result<bool> finish_write() override;
  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<void> scan(std::string_view from, std::string_view to,
                    const std::function<Result<void>(std::string_view, std::string_view)>& visit) override;

  // SnapshotStore
  Result<std::unique_ptr<SnapshotSink>> create(const std::string& name) override;
  Result<std::unique_ptr<SnapshotSource>> open(const std::string& name) const override;
  Result<void> remove(const std::string& name) override;
  Result<std::vector<std::string>> list() const override;

  /// Before the first incarnation: what is collected becomes durable.
  void write_at_once();
  /// The process has ended.  What was under way is durable or gone.
  void crash(bool power_cut);
  /// Flips one bit of a snapshot; false where there is none.
  bool flip_snapshot_bit();
  /// Damage to snapshots is undone, failures end.
  void mend();

  /// What is durable now, as a disk's image holds it.
  struct Image {
    std::map<std::string, std::string, std::less<>> records;
    std::map<std::string, std::shared_ptr<std::string>> files;
  };
  Image image() const { return {durable_, files_}; }
  /// The process is down, and starts with an older image next.
  void put_back(Image older);
  /// What was there before put_back() is there again; false: nothing was put back, or an incarnation has ended since.
  bool restore_newest();

  /// Whether anything was wrong with it since the last call: a worker may stop for that.
  bool take_excuse() { return std::exchange(had_trouble_, false); }
  std::uint64_t log_bytes() const;
  std::uint64_t log_records() const { return durable_.size(); }
  std::size_t snapshots() const { return files_.size(); }
  std::uint64_t syncs() const { return syncs_; }

 private:
  class Sink;
  class Source;
  struct Change {
    std::string key;
    std::string value;  ///< Or the end of the range that is removed.
    bool removes;
  };
  using Batch = std::vector<Change>;
  using Records = std::map<std::string, std::string, std::less<>>;
  static void apply(const Batch& batch, std::size_t count, Records& to);
  void write_in_secret();
  void forget_votes();
  void lose_tails();

  World& world_;
  const Mutations& mutations_;
  Batch collected_;
  Batch under_way_;
  Records durable_;
  Records synced_;  ///< With the mutation "ack-before-sync": what is durable in truth.
  bool is_writing_ = false;
  bool is_done_ = false;
  std::uint64_t write_number_ = 0;
  std::uint64_t syncs_ = 0;
  mutable bool had_trouble_ = false;

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
