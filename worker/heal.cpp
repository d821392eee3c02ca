#include "worker/heal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "worker/data_check.hpp"
#include "worker/folder_label.hpp"

namespace trellis {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "damaged-";

Error cannot_move(const std::string& what, const std::string& why) {
  return {Code::kInternal, "the damaged files of " + what + " cannot be set aside: " + why +
                               "; move log and snapshots elsewhere by hand, and start it with --join"};
}

Result<void> sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_synced = fd >= 0 && ::fsync(fd) == 0;
  const std::string why = std::strerror(errno);
  if (fd >= 0) ::close(fd);
  return is_synced ? Result<void>() : cannot_move(folder, why);
}

std::string free_name(const std::string& folder) {
  for (int number = 1;; ++number) {
    const std::string name = folder + "/" + std::string(kPrefix) + std::to_string(number);
    if (std::error_code error; !fs::exists(name, error)) return name;
  }
}

/// The log goes after the snapshots, and the label last: as long as one of them is there, a start tells of the damage.
Result<void> move_to(const std::string& folder, const std::string& aside) {
  std::error_code error;
  if (!fs::create_directory(aside, error)) return cannot_move(folder, error.message());
  for (const std::string& part : {std::string("/snapshots"), std::string("/log"), "/" + std::string(kFolderLabel)}) {
    if (!fs::exists(folder + part, error)) continue;
    fs::rename(folder + part, aside + part, error);
    if (error) return cannot_move(folder, error.message());
    for (const std::string& changed : {aside, folder}) {
      if (auto synced = sync_folder(changed); !synced) return synced;
    }
  }
  return {};
}

}  // namespace

Result<std::optional<Healing>> set_damage_aside(const std::string& folder) {
  auto check = check_folder(folder);
  if (!check && check.error().code != Code::kNotFound) return check.error();
  if (!check || !check->is_damaged) return std::optional<Healing>();
  Healing healing{std::move(check->faults), free_name(folder)};
  if (auto moved = move_to(folder, healing.aside); !moved) return moved.error();
  return std::optional(std::move(healing));
}

bool is_set_aside(const std::string& name) { return name.starts_with(kPrefix); }

std::size_t damages_kept(const std::string& folder) {
  std::size_t kept = 0;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    kept += is_set_aside(entry->path().filename().string()) ? 1 : 0;
  }
  return kept;
}

}  // namespace trellis
