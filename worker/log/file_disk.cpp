#include "worker/log/file_disk.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "protocol/check.hpp"

namespace trellis {
namespace {

namespace fs = std::filesystem;

/// Errors name the file, what could not be done with it, the system's reason, and what to do.
Error failure(const std::string& path, const char* what, int error) {
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  const std::string remedy = is_full ? "; the disk is full: make room and start the worker again"
                                     : "; mend the cause (permissions, disk) and start the worker again";
  return {is_full ? Code::kResourceExhausted : Code::kInternal,
          path + ": cannot " + what + ": " + std::generic_category().message(error) + remedy};
}

/// What a write that goes past the system's memory wants of its bytes, its place and its size.
constexpr std::size_t kAlignment = 4096;
/// Bytes of memory that a file holds on to for the next write.
constexpr std::size_t kBufferKeptMax = 256 << 10;
/// Larger writes go in several.
constexpr std::size_t kDirectSizeMax = 1 << 20;

/// As many as one write takes, at a place that suits it.
std::string_view zeros_to_write() {
  alignas(kAlignment) static const char zeros[128 << 10] = {};
  return {zeros, sizeof zeros};
}

/// Writes past the system's memory, where the file system lets it: one call writes and syncs, and nothing is written
/// but what changed, while the system's memory is kept in pieces of up to 2 MiB.
class File final : public DiskFile {
 public:
  File(std::string path, int fd, int direct_fd, std::uint64_t size)
      : path_(std::move(path)), fd_(fd), direct_fd_(direct_fd), size_(size) {}
  ~File() override {
    ::close(fd_);
    if (direct_fd_ >= 0) ::close(direct_fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::uint64_t size() const override { return size_; }

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    const bool is_direct = direct_fd_ >= 0 && offset % kAlignment == 0 && bytes.size() % kAlignment == 0;
    is_synced_ = is_synced_ && is_direct;
    while (!bytes.empty()) {
      const std::size_t count = is_direct ? std::min(bytes.size(), kDirectSizeMax) : bytes.size();
      const char* const from = is_direct ? aligned(bytes.substr(0, count)) : bytes.data();
      const auto written = write_some({from, count}, offset, is_direct, is_direct ? RWF_DSYNC : 0);
      if (!written) return written.error();
      bytes.remove_prefix(*written);
      offset += *written;
    }
    if (buffer_size_ > kBufferKeptMax) {
      buffer_.reset();
      buffer_size_ = 0;
    }
    return {};
  }

  Result<void> zero(std::uint64_t offset, std::uint64_t size) override {
    const bool is_direct = direct_fd_ >= 0;
    const std::string_view zeros = zeros_to_write();
    is_synced_ = false;
    while (size > 0) {
      const auto written = write_some(zeros.substr(0, size), offset, is_direct, 0);
      if (!written) return written.error();
      offset += *written;
      size -= *written;
    }
    return {};
  }

  Result<void> reserve(std::uint64_t size) override {
    if (const int error = ::posix_fallocate(fd_, 0, static_cast<off_t>(size)); error != 0) {
      return failure(path_, "make room for", error);
    }
    if (::fsync(fd_) != 0) return failure(path_, "sync", errno);
    size_ = std::max(size_, size);
    return {};
  }

  Result<void> sync() override {
    if (is_synced_) return {};
    if (::fdatasync(fd_) != 0) return failure(path_, "sync", errno);
    is_synced_ = true;
    return {};
  }

  Result<void> read(std::uint64_t offset, char* out, std::size_t count) const override {
    while (count > 0) {
      const ssize_t got = ::pread(fd_, out, count, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failure(path_, "read", errno);
      if (got == 0) return failure(path_, "read to its end", EIO);
      out += got;
      offset += static_cast<std::uint64_t>(got);
      count -= static_cast<std::size_t>(got);
    }
    return {};
  }

 private:
  /// Returns how many bytes were written.
  Result<std::size_t> write_some(std::string_view bytes, std::uint64_t offset, bool is_direct, int flags) {
    const struct iovec all { const_cast<char*>(bytes.data()), bytes.size() };
    for (;;) {
      const ssize_t written = ::pwritev2(is_direct ? direct_fd_ : fd_, &all, 1, static_cast<off_t>(offset), flags);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failure(path_, "write", errno);
      size_ = std::max(size_, offset + static_cast<std::uint64_t>(written));
      return static_cast<std::size_t>(written);
    }
  }

  const char* aligned(std::string_view bytes) {
    if (buffer_size_ < bytes.size()) {
      buffer_.reset(static_cast<char*>(std::aligned_alloc(kAlignment, bytes.size())));
      CHECK(buffer_ != nullptr);
      buffer_size_ = bytes.size();
    }
    std::memcpy(buffer_.get(), bytes.data(), bytes.size());
    return buffer_.get();
  }

  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::string path_;
  int fd_;
  int direct_fd_;  ///< -1: the file system knows no such writes.
  std::uint64_t size_;
  bool is_synced_ = false;
  std::unique_ptr<char, Free> buffer_;
  std::size_t buffer_size_ = 0;
};

}  // namespace

Result<std::unique_ptr<FileDisk>> FileDisk::open_folder(const std::string& folder) {
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem) return failure(folder, "make the folder", problem.value());
  const int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd < 0) return failure(folder, "open the folder", errno);
  const std::string lock = folder + "/LOCK";
  const int lock_fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  std::unique_ptr<FileDisk> disk(new FileDisk(folder, folder_fd, lock_fd));
  if (lock_fd < 0) return failure(lock, "open", errno);
  if (::flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    return Error{Code::kInternal, lock + ": another worker uses this folder: give each its own --data"};
  }
  return disk;
}

FileDisk::~FileDisk() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
  ::close(folder_fd_);
}

Result<std::vector<std::string>> FileDisk::list() const {
  std::vector<std::string> names;
  std::error_code problem;
  for (fs::directory_iterator entry(folder_, problem), end; !problem && entry != end; entry.increment(problem)) {
    names.push_back(entry->path().filename().string());
  }
  if (problem) return failure(folder_, "list the folder", problem.value());
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::shared_ptr<DiskFile>> FileDisk::open(const std::string& name, int flags) {
  const std::string path = folder_ + "/" + name;
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0666);
  if (fd < 0) return failure(path, "open", errno);
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    ::close(fd);
    return failure(path, "read", errno);
  }
  const int direct_fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_DIRECT);
  return std::shared_ptr<DiskFile>(
      std::make_shared<File>(path, fd, direct_fd, static_cast<std::uint64_t>(status.st_size)));
}

Result<std::shared_ptr<DiskFile>> FileDisk::open(const std::string& name) { return open(name, 0); }

Result<std::shared_ptr<DiskFile>> FileDisk::create(const std::string& name) {
  auto file = open(name, O_CREAT | O_TRUNC);
  if (!file) return file;
  if (auto synced = sync_folder(); !synced) return synced.error();
  return file;
}

Result<void> FileDisk::rename(const std::string& from, const std::string& to) {
  if (::rename((folder_ + "/" + from).c_str(), (folder_ + "/" + to).c_str()) != 0) {
    return failure(folder_ + "/" + from, "rename", errno);
  }
  return sync_folder();
}

Result<void> FileDisk::remove(const std::string& name) {
  if (::unlink((folder_ + "/" + name).c_str()) != 0 && errno != ENOENT) {
    return failure(folder_ + "/" + name, "remove", errno);
  }
  return sync_folder();
}

Result<void> FileDisk::sync_folder() {
  if (::fsync(folder_fd_) != 0) return failure(folder_, "sync the folder", errno);
  return {};
}

}  // namespace trellis
