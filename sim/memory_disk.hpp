// MemoryDisk: the Disk under a simulated log, with what disks do to it.
//
// Until a file is synced its sectors lie in the system's memory: a killed process leaves them there, a power cut leaves
// each on the disk or not, in any order.  A sync that fails leaves them in memory as if they had been written.  Writes
// can be lost or go to another place, which shows when the memory is gone; bits can be flipped.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types.hpp"
#include "worker/log/disk.hpp"

namespace trellis::sim {

class MemoryDisk final : public Disk {
 public:
  /// @param random  for what a power cut leaves
  explicit MemoryDisk(RandomSource random) : random_(std::move(random)) {}

  bool is_full = false;     ///< Files cannot become longer.
  bool is_failing = false;  ///< Writes and syncs fail.
  /// Whether a sync does anything; false: a mutation.
  bool has_syncs = true;

  // Disk
  Result<std::vector<std::string>> list() const override;
  Result<std::shared_ptr<DiskFile>> open(const std::string& name) override;
  Result<std::shared_ptr<DiskFile>> create(const std::string& name) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& name) override;

  /// The process was killed, or the power was cut as well.
  void crash(bool power_cut);

  /// Flips one bit of a sector that was written, half of the time of the last one; false where there is none.
  bool flip_bit();
  /// The next write of a batch never reaches the disk, or lands on another block of its file instead: that shows at a
  /// crash after a later one was durable.
  enum class Astray : std::uint8_t { kNo, kLost, kMisdirected };
  void lead_astray(Astray how) { astray_ = how; }
  bool is_astray() const { return astray_ != Astray::kNo || !lost_.empty(); }
  /// A batch is durable, whatever has become of it.
  void note_batch() { ++batches_; }
  /// All that was done to its bytes is undone, as when the files are put back as they were.
  void mend();

  /// All files, as they can be read now.
  using Image = std::map<std::string, std::string>;
  Image image() const;
  /// No file is open.
  void put_back(const Image& image);
  std::uint64_t bytes() const;

  /// Whether anything was wrong since the last call, or still is.
  bool take_trouble() { return std::exchange(had_trouble_, false) || !mends_.empty(); }

 private:
  class File;
  struct Content {
    std::string cached;
    std::string durable;
    std::set<std::uint64_t> dirty;  ///< Sectors.
  };
  /// What stood somewhere, to be put back.
  struct Patch {
    std::shared_ptr<Content> content;
    std::uint64_t offset;
    std::string bytes;
    std::uint64_t batch;  ///< How many were durable then.
  };
  void write(const std::shared_ptr<Content>& content, std::uint64_t offset, std::string_view bytes);
  void lose(const std::shared_ptr<Content>& content, std::uint64_t offset, std::string_view bytes);
  void sync(Content& content);
  bool flip_in(const std::shared_ptr<Content>& content, std::uint64_t sector);
  static void patch(const Patch& patch);

  RandomSource random_;
  std::map<std::string, std::shared_ptr<Content>> files_;
  Astray astray_ = Astray::kNo;
  std::shared_ptr<Content> last_written_;
  std::uint64_t last_offset_ = 0;
  std::uint64_t batches_ = 0;
  std::vector<Patch> lost_;   ///< What the disk really holds, once memory is gone.
  std::vector<Patch> mends_;  ///< What it would hold if nothing had gone wrong.
  mutable bool had_trouble_ = false;
};

}  // namespace trellis::sim
