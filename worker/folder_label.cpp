#include "worker/folder_label.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace trellis {
namespace {

/// What is longer was not written by a worker.
constexpr std::size_t kLabelMax = 200;

std::string path_of(const std::string& folder) { return folder + "/" + kFolderLabel; }

Error cannot_write(const std::string& path) {
  return {Code::kInternal, "cannot write " + path + ": " + std::strerror(errno)};
}

/// What was opened there, made durable with `text` written to it before; nothing to a folder.
Result<void> make_durable(const std::string& path, int flags, const std::string& text) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (fd < 0) return cannot_write(path);
  const auto size = static_cast<ssize_t>(text.size());
  const bool is_durable = (size == 0 || ::write(fd, text.data(), text.size()) == size) && ::fsync(fd) == 0;
  const int why = errno;
  ::close(fd);
  errno = why;
  return is_durable ? Result<void>() : cannot_write(path);
}

}  // namespace

std::optional<std::string> folder_label(const std::string& folder) {
  const std::string path = path_of(folder);
  std::error_code problem;
  if (!std::filesystem::exists(path, problem)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string text(kLabelMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  text = text.substr(0, text.find('\n'));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

Result<void> put_folder_label(const std::string& folder, WorkerId worker, const std::string& cluster) {
  const std::string text = "worker " + to_string(worker) + " of cluster " + cluster;
  if (folder_label(folder) == text) return {};
  const std::string path = path_of(folder);
  const std::string beside = path + ".new";
  if (auto written = make_durable(beside, O_WRONLY | O_CREAT | O_TRUNC, text + "\n"); !written) return written;
  if (std::rename(beside.c_str(), path.c_str()) != 0) return cannot_write(path);
  return make_durable(folder, O_RDONLY | O_DIRECTORY, {});
}

Error log_is_gone(const std::string& folder, const std::string& label) {
  return {Code::kInternal,
          "the log in " + folder + "/log is gone: this folder is that of " + (label.empty() ? "a worker" : label) +
              ", and its log is empty; put the folder back as it was last; the other replicas hold this worker's data "
              "and serve on without it, and where it cannot be put back, --heal starts it anew from them"};
}

}  // namespace trellis
