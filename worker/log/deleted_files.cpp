#include "worker/log/deleted_files.hpp"

#include <filesystem>
#include <string_view>
#include <utility>

namespace trellis {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kMark = " (deleted)";

}  // namespace

DeletedFiles::DeletedFiles(const std::string& folder) {
  std::error_code problem;
  const fs::path absolute = fs::canonical(folder, problem);
  folder_ = (problem ? folder : absolute.string()) + "/";
}

std::optional<std::string> DeletedFiles::look() {
  std::set<std::string> now;
  std::error_code problem;
  for (fs::directory_iterator at("/proc/self/fd", problem), end; !problem && at != end; at.increment(problem)) {
    std::error_code unreadable;  // Closed meanwhile.
    const std::string target = fs::read_symlink(at->path(), unreadable).string();
    if (unreadable || !target.starts_with(folder_) || !target.ends_with(kMark)) continue;
    now.insert(target.substr(0, target.size() - kMark.size()));
  }
  std::swap(seen_, now);
  for (const std::string& file : seen_) {
    if (now.contains(file)) return file;
  }
  return std::nullopt;
}

}  // namespace trellis
