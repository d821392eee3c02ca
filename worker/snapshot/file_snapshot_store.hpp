// FileSnapshotStore: snapshots as files of one folder.
//
// NAME.part is being written; commit syncs it, renames it to NAME and syncs the folder.  Left-over .part files are
// removed at the start.
#pragma once

#include <string>

#include "worker/snapshot/snapshot_store.hpp"

namespace trellis {

class FileSnapshotStore final : public SnapshotStore {
 public:
  /// Makes the folder where it is missing.  Error: kInternal, with the path and the system's reason.
  static Result<std::unique_ptr<FileSnapshotStore>> open_folder(const std::string& folder);

  Result<std::unique_ptr<SnapshotSink>> create(const std::string& name) override;
  Result<std::unique_ptr<SnapshotSource>> open(const std::string& name) const override;
  Result<void> remove(const std::string& name) override;
  std::uint64_t room() const override;
  Result<std::vector<std::string>> list() const override;
  /// Bytes of those that are being written, and not committed yet.
  std::uint64_t unfinished_bytes() const;

 private:
  explicit FileSnapshotStore(std::string folder) : folder_(std::move(folder)) {}
  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

}  // namespace trellis
