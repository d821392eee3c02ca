#include "worker/data_check.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "protocol/cluster/cluster_map.hpp"
#include "worker/folder_label.hpp"
#include "worker/log/file_disk.hpp"
#include "worker/log/place_reader.hpp"
#include "worker/log/recovery.hpp"
#include "worker/membership_records.hpp"
#include "worker/raft/entry_type.hpp"
#include "worker/raft/log_records.hpp"
#include "worker/snapshot/file_snapshot_store.hpp"
#include "worker/snapshot/snapshot_file.hpp"
#include "worker/state/entry.hpp"
#include "worker/state/system_records.hpp"

namespace trellis {
namespace {

constexpr const char* kRemedy =
    "put the folder back as it was last, or leave this worker stopped: the other replicas hold its data";

/// A disk that is read and stays as it is.
class UnchangedDisk final : public Disk {
 public:
  explicit UnchangedDisk(Disk& disk) : disk_(disk) {}
  /// What a start would remove, it does not see.
  Result<std::vector<std::string>> list() const override {
    auto names = disk_.list();
    if (names) std::erase_if(*names, [](const std::string& name) { return name.ends_with(kUnfinishedSegment); });
    return names;
  }
  Result<std::shared_ptr<DiskFile>> open(const std::string& name) override { return disk_.open(name); }
  Result<std::shared_ptr<DiskFile>> create(const std::string&) override { return refuse(); }
  Result<void> rename(const std::string&, const std::string&) override { return refuse(); }
  Result<void> remove(const std::string&) override { return refuse(); }

 private:
  static Error refuse() { return {Code::kInternal, "a disk that is only read"}; }
  Disk& disk_;
};

/// What an entry of the log holds that its group's state machine could not apply; empty: all is well.
std::string wrong_in(const EntryRecord& entry) {
  if (is_library_type(entry.head.type)) return {};
  if (!is_command_type(entry.head.type)) return "an entry of unknown type " + std::to_string(entry.head.type);
  if (is_system_entry(entry.payload)) {
    SystemRecords records;
    records.level = kLevel;  // One by itself does not tell what its group had.
    const auto applied = apply_system_entry(entry.payload, records);
    return applied ? std::string() : applied.error().message;
  }
  CommandReader commands(entry.payload);
  while (const auto command = commands.next()) {
    if (!*command) return command->error().message;
  }
  return {};
}

class Check {
 public:
  Check(Disk& log, const SnapshotStore& snapshots) : disk_(log), snapshots_(snapshots) {}

  DataCheck run() {
    const auto recovered = recover(disk_);
    if (!recovered) {
      fault(recovered.error().message);
      result_.is_damaged = find_log_damage(disk_).has_value();
      return std::move(result_);
    }
    recovered_ = &*recovered;
    result_.is_empty = recovered->segments.empty();
    if (const auto map = recovered->contents.records.find(std::string(records::kMapName));
        map != recovered->contents.records.end()) {
      const auto read = read_cluster_map(map->second);
      result_.is_of_later_level = !read && read.error().code == Code::kFailedPrecondition;
      if (result_.is_of_later_level) return fault(read.error().message), std::move(result_);
    }
    std::set<PartitionId> groups;
    for (const auto& [group, last] : recovered_->contents.entries.last_entries()) {
      groups.insert(group);
      check_entries(group, last);
    }
    const std::string prefix = records::snapshot_name(PartitionId{0}).substr(0, 1);
    for (const auto& [name, value] : recovered_->contents.records) {
      if (name.starts_with(prefix) && name.size() == records::snapshot_name(PartitionId{0}).size()) {
        check_snapshot(name, value);
      }
    }
    result_.groups = groups.size();
    return std::move(result_);
  }

 private:
  void fault(std::string what) { result_.faults.push_back(std::move(what)); }
  void damage(std::string what) {
    result_.is_damaged = true;
    fault(std::move(what));
  }
  static std::string of(PartitionId group) { return "partition " + std::to_string(group.value) + ": "; }

  void check_entries(PartitionId group, LogIndex last) {
    const EntryIndex& entries = recovered_->contents.entries;
    PlaceReader reader;
    for (LogIndex index = entries.first(group); index <= last; ++index.value) {
      const auto place = entries.find(group, index);
      const OpenSegment* const segment = place ? segment_of(*place) : nullptr;
      if (segment == nullptr) {
        damage(of(group) + "entry " + std::to_string(index.value) + " is missing in its log; " + kRemedy);
        return;
      }
      const auto entry = reader.read(*segment, *place, {group, index});
      if (!entry) return damage(of(group) + entry.error().message);
      ++result_.entries;
      const std::string wrong = wrong_in(*entry);
      if (wrong.empty()) continue;
      return fault(of(group) + "entry " + std::to_string(index.value) + " in " + segment_file_name(place->file) + ": " +
                   wrong + "; " + kRemedy);
    }
  }

  const OpenSegment* segment_of(const Place& place) const {
    const auto at = std::find_if(recovered_->segments.begin(), recovered_->segments.end(),
                                 [&](const OpenSegment& each) { return each.name.file == place.file; });
    return at == recovered_->segments.end() ? nullptr : &*at;
  }

  void check_snapshot(const std::string& name, const std::string& value) {
    const auto record = records::read_snapshot_record(value);
    const auto descriptor = record ? read_snapshot_descriptor(record->descriptor)
                                   : Result<SnapshotDescriptor>(invalid_argument("it cannot be read"));
    if (!descriptor) return fault("the log's record of a snapshot: " + descriptor.error().message + "; " + kRemedy);
    if (records::snapshot_name(descriptor->partition) != name) {
      return fault(of(descriptor->partition) + "its snapshot is noted under another partition; " + kRemedy);
    }
    ++result_.snapshots;
    const auto state = read_snapshot(*descriptor, snapshots_);
    const std::string where = of(descriptor->partition) + "snapshot " + descriptor->name + ": ";
    if (!state) return damage(where + state.error().message + "; " + kRemedy);
    result_.documents += state->keys();
    const LogIndex first = recovered_->contents.entries.first(descriptor->partition);
    if (first.value > descriptor->index.value + 1) {
      fault(where + "it ends with entry " + std::to_string(descriptor->index.value) + ", and the log begins with " +
            std::to_string(first.value) + "; " + kRemedy);
    }
  }

  UnchangedDisk disk_;
  const SnapshotStore& snapshots_;
  const Recovered* recovered_ = nullptr;
  DataCheck result_;
};

}  // namespace

DataCheck check_data(Disk& log, const SnapshotStore& snapshots) { return Check(log, snapshots).run(); }

Result<DataCheck> check_folder(const std::string& folder) {
  std::error_code error;
  const auto label = folder_label(folder);
  const auto is_gone = [&] {
    DataCheck check;
    check.is_damaged = true;
    check.faults.push_back(log_is_gone(folder, *label).message);
    return check;
  };
  if (!std::filesystem::is_directory(folder + "/log", error)) {
    if (label) return is_gone();
    return Error{Code::kNotFound, folder + " is no worker's folder: it has no log"};
  }
  auto disk = FileDisk::open_folder(folder + "/log");
  if (!disk) return disk.error();
  auto snapshots = FileSnapshotStore::open_folder(folder + "/snapshots");
  if (!snapshots) return snapshots.error();
  DataCheck check = check_data(**disk, **snapshots);
  if (check.is_of_later_level) return Error{Code::kFailedPrecondition, folder + ": " + check.faults.front()};
  if (check.is_empty && label) return is_gone();
  return check;
}

}  // namespace trellis
