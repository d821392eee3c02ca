#include "worker/snapshot/file_snapshot_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace trellis {
namespace {

namespace fs = std::filesystem;

/// Errors name the file, what could not be done with it, and the system's reason.
Error failure(const std::string& path, const char* what, int error) {
  const Code code = error == ENOSPC || error == EDQUOT || error == EFBIG ? Code::kResourceExhausted
                    : error == ENOENT                                    ? Code::kNotFound
                                                                         : Code::kInternal;
  return {code, path + ": cannot " + what + ": " + std::generic_category().message(error)};
}

Error bad_name(const std::string& name) { return invalid_argument("\"" + name + "\" is no name for a snapshot"); }

/// An open file.
class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  /// False where the system reports that something written before was lost.
  bool close() {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

/// Makes names that came or went in the folder durable.
Result<void> sync_folder(const std::string& folder) {
  const File file(folder, O_RDONLY | O_DIRECTORY);
  if (!file.is_open()) return failure(folder, "open", errno);
  if (::fsync(file.fd()) != 0) return failure(folder, "sync", errno);
  return {};
}

class FileSink final : public SnapshotSink {
 public:
  FileSink(std::string folder, std::string path)
      : folder_(std::move(folder)),
        path_(std::move(path)),
        part_(path_ + std::string(kUnfinishedSuffix)),
        file_(part_, O_WRONLY | O_CREAT | O_TRUNC) {}
  ~FileSink() override {
    if (!committed_) ::unlink(part_.c_str());
  }

  bool is_open() const { return file_.is_open(); }
  const std::string& part() const { return part_; }

  Result<void> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.fd(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failure(part_, "write", errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  /// What was lost is told once by the system, and is to be known at the end.
  Result<void> sync() override {
    if (synced_ && ::fdatasync(file_.fd()) != 0) synced_ = failure(part_, "sync", errno);
    return synced_;
  }

  Result<void> commit() override {
    if (auto synced = sync(); !synced) return synced;
    if (!file_.close()) return failure(part_, "close", errno);
    if (::rename(part_.c_str(), path_.c_str()) != 0) return failure(part_, "rename", errno);
    committed_ = true;
    return sync_folder(folder_);
  }

 private:
  std::string folder_;
  std::string path_;
  std::string part_;
  File file_;
  Result<void> synced_;  ///< For whoever syncs and commits, on one thread.
  bool committed_ = false;
};

/// The file is kept open, so it stays as it is when its name is removed or given to another.
class FileSource final : public SnapshotSource {
 public:
  explicit FileSource(std::string path) : path_(std::move(path)), file_(path_, O_RDONLY) {}

  Result<void> check() {
    if (!file_.is_open()) return failure(path_, "open", errno);
    struct stat status {};
    if (::fstat(file_.fd(), &status) != 0) return failure(path_, "read", errno);
    if (!S_ISREG(status.st_mode)) return Error{Code::kInternal, path_ + ": is no file"};
    size_ = static_cast<std::uint64_t>(status.st_size);
    return {};
  }

  std::uint64_t size() const override { return size_; }

  Result<std::string> read(std::uint64_t offset, std::size_t count) const override {
    std::string bytes;
    if (offset >= size_) return bytes;
    bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(count, size_ - offset)));
    std::size_t got = 0;
    while (got < bytes.size()) {
      const ssize_t n = ::pread(file_.fd(), bytes.data() + got, bytes.size() - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failure(path_, "read", errno);
      if (n == 0) break;  // It became shorter.
      got += static_cast<std::size_t>(n);
    }
    bytes.resize(got);
    return bytes;
  }

 private:
  std::string path_;
  File file_;
  std::uint64_t size_ = 0;
};

}  // namespace

std::uint64_t FileSnapshotStore::unfinished_bytes() const {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != kUnfinishedSuffix) continue;
    std::error_code gone;
    const std::uintmax_t size = fs::file_size(entry->path(), gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

Result<std::unique_ptr<FileSnapshotStore>> FileSnapshotStore::open_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return failure(folder, "make the folder", error.value());
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != kUnfinishedSuffix) continue;
    if (std::error_code failed; !fs::remove(entry->path(), failed) && failed) {
      return failure(entry->path().string(), "remove", failed.value());
    }
  }
  if (error) return failure(folder, "list", error.value());
  return std::unique_ptr<FileSnapshotStore>(new FileSnapshotStore(folder));
}

Result<std::unique_ptr<SnapshotSink>> FileSnapshotStore::create(const std::string& name) {
  if (!is_snapshot_name(name)) return bad_name(name);
  auto sink = std::make_unique<FileSink>(folder_, path_of(name));
  if (!sink->is_open()) return failure(sink->part(), "create", errno);
  return std::unique_ptr<SnapshotSink>(std::move(sink));
}

Result<std::unique_ptr<SnapshotSource>> FileSnapshotStore::open(const std::string& name) const {
  if (!is_snapshot_name(name)) return bad_name(name);
  auto source = std::make_unique<FileSource>(path_of(name));
  if (auto checked = source->check(); !checked) return checked.error();
  return std::unique_ptr<SnapshotSource>(std::move(source));
}

Result<void> FileSnapshotStore::remove(const std::string& name) {
  if (!is_snapshot_name(name)) return bad_name(name);
  if (::unlink(path_of(name).c_str()) != 0 && errno != ENOENT) return failure(path_of(name), "remove", errno);
  return {};
}

std::uint64_t FileSnapshotStore::room() const {
  std::error_code unknown;
  const auto space = std::filesystem::space(folder_, unknown);
  return unknown ? UINT64_MAX : space.available;
}

Result<std::vector<std::string>> FileSnapshotStore::list() const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    if (std::string name = entry->path().filename().string(); is_snapshot_name(name)) names.push_back(std::move(name));
  }
  if (error) return failure(folder_, "list", error.value());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace trellis
