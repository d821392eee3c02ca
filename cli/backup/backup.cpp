#include "cli/backup/backup.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <random>

#include "cli/backup/copy_streams.hpp"
#include "cli/backup/folder.hpp"
#include "cli/backup/make_cut.hpp"
#include "cli/backup/one_stream.hpp"
#include "cli/backup/unpacker.hpp"
#include "cli/backup/users.hpp"
#include "protocol/reports.hpp"

namespace trellis {
namespace {

using Clock = std::chrono::steady_clock;

const std::string kUnfinished = "unfinished.json";

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string random_name() {
  std::random_device device;
  return hex_of(std::uint64_t{device()} << 32 | device());
}

Error refuse(std::string why) { return {Code::kFailedPrecondition, std::move(why)}; }

/// A stream as it stands in the file of a backup that is not finished: fence alone.
StreamEntry planned(std::uint32_t partition, const FenceName& fence) {
  StreamEntry entry;
  entry.file = stream_file(partition);
  entry.partition = partition;
  entry.fence = fence;
  entry.totals.bytes = entry.packed_bytes = 1;
  return entry;
}

/// What a file holds that an earlier run has finished; nothing where it is no stream of this backup.
std::optional<StreamEntry> finished_stream(const std::string& folder, const Manifest& plan, const StreamEntry& stream) {
  Unpacker unpacker([](const BackupRecord&) {});
  const auto read =
      read_pieces(folder + "/" + stream.file, [&](std::string_view piece) { return unpacker.feed(piece); });
  if (!read || *read || unpacker.header() != plan.header_of(stream)) return std::nullopt;
  const auto totals = unpacker.finish();
  if (!totals) return std::nullopt;
  StreamEntry entry = stream;
  entry.totals = *totals;
  entry.packed_bytes = unpacker.packed_bytes();
  entry.packed_checksum = unpacker.packed_checksum();
  return entry;
}

class Backup {
 public:
  Backup(Client& client, const BackupOptions& options) : client_(client), options_(options) {}

  Result<BackupResult> run() {
    const auto begun = Clock::now();
    if (auto prepared = prepare_folder(); !prepared) return prepared.error();
    if (auto status = read_status(); !status) return status.error();
    if (auto planned = go_on_or_cut(); !planned) return planned.error();
    CopyWishes wishes;
    if (!is_stream()) wishes.folder = options_.folder;
    wishes.rate = options_.rate;
    wishes.at_a_time = options_.at_a_time;
    wishes.patience = options_.patience;
    auto streams = copy_streams(client_, result_.manifest, std::move(left_), wishes, [this] { return interrupted(); });
    if (!streams) return streams.error();
    done_.insert(done_.end(), streams->begin(), streams->end());
    return finish(begun);
  }

 private:
  bool interrupted() const { return options_.stop != nullptr && options_.stop->requested(); }

  bool is_stream() const { return options_.folder == "-"; }

  Result<void> prepare_folder() {
    if (is_stream()) return {};
    const std::string& folder = options_.folder;
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return refuse("cannot make the folder " + folder + ": " + std::strerror(errno));
    }
    std::error_code error;
    if (std::filesystem::exists(folder + "/" + std::string(kManifestFile), error)) {
      return refuse(folder + " holds a whole backup; name another folder");
    }
    bool is_ours = std::filesystem::exists(folder + "/" + kUnfinished, error);
    if (!is_ours && !std::filesystem::is_empty(folder, error)) return refuse(folder + " is not empty");
    return {};
  }

  Result<void> read_status() {
    Options options;
    const Answer answer =
        client_.call(Command::kStatus, std::string(1, '\x90'), options, [this] { return interrupted(); });
    const auto status = answer.reply.status == Code::kOk ? read_status_report(answer.reply.result) : std::nullopt;
    if (!status || !status->is_formed()) {
      return Error{Code::kUnavailable, status ? "the cluster is not formed yet" : answer.reply.info.message};
    }
    Manifest& manifest = result_.manifest;
    manifest.software = TRELLIS_VERSION;
    manifest.cluster = *status->cluster;
    manifest.epoch = status->epoch;
    manifest.k = static_cast<std::uint32_t>(status->k);
    manifest.partitions = static_cast<std::uint32_t>(status->partitions);
    return {};
  }

  /// An earlier cut, where the cluster still keeps it, else a new one.
  Result<void> go_on_or_cut() {
    if (is_stream()) return cut();
    const auto text = read_file(options_.folder + "/" + kUnfinished, kManifestSizeMax);
    const auto earlier = text ? read_manifest(*text) : Result<Manifest, Damage>(Damage{});
    if (earlier && earlier->cluster == result_.manifest.cluster) {
      take_up(*earlier);
      if (left_.empty() || is_kept(client_, left_.front(), [this] { return interrupted(); })) {
        result_.manifest = *earlier;
        result_.went_on = true;
        return {};
      }
    }
    return cut();
  }

  void take_up(const Manifest& plan) {
    for (const StreamEntry& stream : plan.streams) {
      if (const auto finished = finished_stream(options_.folder, plan, stream)) {
        done_.push_back(*finished);
      } else {
        left_.push_back(stream);
      }
    }
  }

  Result<void> cut() {
    for (const StreamEntry& stale : done_) std::filesystem::remove(options_.folder + "/" + stale.file);
    done_.clear();
    left_.clear();
    Manifest& manifest = result_.manifest;
    const auto made =
        make_cut(client_, {manifest.partitions, options_.partial, options_.patience}, [this] { return interrupted(); });
    if (!made) return made.error();
    if (auto asked = ask_for_users_of(*made); !asked) return asked.error();
    manifest.backup = random_name();
    manifest.taken = utc_now();
    manifest.missing = made->missing;
    std::sort(manifest.missing.begin(), manifest.missing.end());
    for (const auto& [partition, fence] : made->fences) {
      manifest.highest_index = std::max({manifest.highest_index, fence.highest, fence.name.index});
      left_.push_back(planned(partition, fence.name));
    }
    manifest.streams = left_;
    if (is_stream()) return {};
    return write_file(options_.folder, kUnfinished, write_manifest(manifest));
  }

  /// Users and roles are records of partition 0: where that is left out, so are they.
  Result<void> ask_for_users_of(const MadeCut& made) {
    if (std::count(made.missing.begin(), made.missing.end(), 0u) > 0) return {};
    auto users = ask_for_users(client_, [this] { return interrupted(); });
    if (!users) return users.error();
    result_.manifest.users = std::move(*users);
    return {};
  }

  Result<BackupResult> finish(Clock::time_point begun) {
    std::sort(done_.begin(), done_.end(),
              [](const StreamEntry& a, const StreamEntry& b) { return a.partition < b.partition; });
    result_.manifest.streams = done_;
    if (auto written = write_manifest_last(); !written) return written.error();
    end_fences(client_, result_.manifest);
    result_.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    return result_;
  }

  Result<void> write_manifest_last() {
    if (is_stream()) return write_out(pack_last_frame(result_.manifest));
    const std::string name(kManifestFile);
    if (auto written = write_file(options_.folder, name, write_manifest(result_.manifest)); !written) return written;
    std::error_code error;
    std::filesystem::remove(options_.folder + "/" + kUnfinished, error);
    return {};
  }

  Client& client_;
  const BackupOptions& options_;
  BackupResult result_;
  std::vector<StreamEntry> left_;
  std::vector<StreamEntry> done_;
};

}  // namespace

Result<BackupResult> back_up(Client& client, const BackupOptions& options) { return Backup(client, options).run(); }

}  // namespace trellis
