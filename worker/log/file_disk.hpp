// FileDisk: the Disk of production, a folder that one process at a time holds.
#pragma once

#include <memory>
#include <string>

#include "worker/log/disk.hpp"

namespace trellis {

class FileDisk final : public Disk {
 public:
  /// Makes the folder where it is missing.  Error: it cannot be used, or another process holds it; for people.
  static Result<std::unique_ptr<FileDisk>> open_folder(const std::string& folder);
  ~FileDisk() override;
  FileDisk(const FileDisk&) = delete;
  FileDisk& operator=(const FileDisk&) = delete;

  Result<std::vector<std::string>> list() const override;
  Result<std::shared_ptr<DiskFile>> open(const std::string& name) override;
  Result<std::shared_ptr<DiskFile>> create(const std::string& name) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& name) override;

 private:
  FileDisk(std::string folder, int folder_fd, int lock_fd)
      : folder_(std::move(folder)), folder_fd_(folder_fd), lock_fd_(lock_fd) {}
  Result<void> sync_folder();
  Result<std::shared_ptr<DiskFile>> open(const std::string& name, int flags);

  std::string folder_;
  int folder_fd_;
  int lock_fd_;
};

}  // namespace trellis
