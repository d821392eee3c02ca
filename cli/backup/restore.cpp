#include "cli/backup/restore.hpp"

#include <algorithm>
#include <list>
#include <memory>
#include <set>
#include <sstream>

#include "cli/backup/folder.hpp"
#include "cli/backup/put_batches.hpp"
#include "cli/progress_line.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "protocol/reports.hpp"

namespace trellis {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kTimeout{10'000};
constexpr milliseconds kProgressEvery{200};
/// Streams that are read side by side, and packed bytes that are taken of each in turn.
constexpr std::size_t kStreamsAtATime = 8;
constexpr std::size_t kPieceSize = 16 << 10;

Error damaged(const Damage& damage) { return invalid_argument("the backup is damaged: " + to_text(damage)); }
TimePoint now() { return TimePoint(std::chrono::duration_cast<Duration>(Clock::now().time_since_epoch())); }

/// A stream of which not all is stored yet.
struct Reading {
  std::size_t stream = 0;                ///< Its place in the manifest.
  std::unique_ptr<StreamReader> reader;  ///< Null: it was read to its end.
};

class Restore {
 public:
  Restore(Client& client, const RestoreOptions& options)
      : client_(client), options_(options), batches_(options.merge != Merge::kReplace, options.patience) {}

  Result<RestoreResult> run() {
    const auto begun = Clock::now();
    if (auto fit = check_options(); !fit) return fit.error();
    auto manifest = read_manifest_of(options_.folder);
    if (!manifest) return damaged(manifest.error());
    manifest_ = std::move(*manifest);
    if (options_.users && !manifest_.users) {
      return Error{Code::kFailedPrecondition, "the backup holds no users: its cluster had no keys"};
    }
    if (auto whole = check_files(); !whole) return whole.error();
    if (auto status = read_status(); !status) return status.error();
    if (options_.merge == Merge::kNone) {
      if (auto prepared = prepare_cluster(); !prepared) return prepared.error();
      read_progress();
    }
    if (options_.users) {
      auto restored = restore_users(client_, *manifest_.users, [this] { return interrupted(); });
      if (!restored) return restored.error();
      result_.users = std::move(*restored);
    } else if (manifest_.users) {
      result_.users_left_out = manifest_.users->users.size();
    }
    if (auto put = put_streams(); !put) return put.error();
    progress_.clear();
    result_.stored = batches_.stored();
    result_.kept = batches_.kept();
    result_.is_partial = !manifest_.missing.empty();
    result_.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    return result_;
  }

 private:
  bool interrupted() const { return options_.stop != nullptr && options_.stop->requested(); }

  Result<void> check_options() const {
    if (options_.merge == Merge::kNone && (!options_.prefix.empty() || options_.into)) {
      return invalid_argument("--prefix and --into are for a cluster in use: say --merge keep or --merge replace");
    }
    if (options_.merge != Merge::kNone && options_.users) {
      return invalid_argument("--users is for an empty cluster, and goes with no --merge");
    }
    return {};
  }

  /// Before anything is changed: the files are those that the manifest knows, to the byte.
  Result<void> check_files() {
    for (const StreamEntry& stream : manifest_.streams) {
      RunningHash hash;
      std::uint64_t size = 0;
      const auto read =
          read_pieces(options_.folder + "/" + stream.file, [&](std::string_view piece) -> std::optional<Damage> {
            hash.add(piece);
            size += piece.size();
            return std::nullopt;
          });
      if (!read) return damaged({stream.file, 0, false, read.error().message, "the stream of a partition"});
      if (size == stream.packed_bytes && hash.value() == stream.packed_checksum) continue;
      // The place is told by reading it; what reads well is the wrong file.
      const auto found = read_stream_file(options_.folder, manifest_, stream, [](const BackupRecord&) {});
      return damaged(found.value_or(Damage{stream.file, 0, false, "another file than the manifest knows", {}}));
    }
    return {};
  }

  Result<Answer> ask(Command command, const std::string& arguments) {
    Options options;
    options.timeout = kTimeout;
    Answer answer = client_.call(command, arguments, options, [this] { return interrupted(); });
    if (answer.reply.status != Code::kOk) return Error{answer.reply.status, answer.reply.info.message};
    return answer;
  }

  Result<void> read_status() {
    const auto answer = ask(Command::kStatus, std::string(1, '\x90'));
    if (!answer) return answer.error();
    const auto status = read_status_report(answer->reply.result);
    if (!status || !status->is_formed()) return Error{Code::kUnavailable, "the cluster is not formed yet"};
    partitions_ = static_cast<std::uint32_t>(status->partitions);
    cluster_ = *status->cluster;
    return {};
  }

  /// Whether each partition was raised by this restore already; asks only, with index 0.
  Result<std::size_t> raise_all(std::uint64_t index) {
    std::size_t new_ones = 0;
    const std::uint64_t name = name_of_restore(manifest_);
    for (std::uint32_t partition = 0; partition < partitions_; ++partition) {
      const auto answer = ask(Command::kFence, pack_fence({partition, FenceAction::kRaise, {index, name}}));
      if (!answer) return answer.error();
      new_ones += PackedReader(answer->reply.result).read_bool() == true ? 1 : 0;
    }
    return new_ones;
  }

  Result<void> prepare_cluster() {
    const auto count = ask(Command::kCount, std::string("\x91\xa0", 2));
    if (!count) return count.error();
    const std::uint64_t documents = PackedReader(count->reply.result).read_uint().value_or(0);
    if (documents > 0) {
      const auto others = raise_all(0);
      if (!others) return others.error();
      if (*others > 0) {
        return Error{Code::kFailedPrecondition, "the cluster holds " + grouped(documents) +
                                                    " documents: restore into an empty one, or say --merge"};
      }
    }
    const std::uint64_t raised = manifest_.highest_index + kRaisedBy;
    if (const auto done = raise_all(raised); !done) return done.error();
    std::string epoch;
    PackedWriter(epoch).array(1).map(1).str("epoch").natural(manifest_.epoch + 1);
    const auto set = ask(Command::kSettings, epoch);
    return set ? Result<void>() : Result<void>(set.error());
  }

  // What an earlier run has restored stands in a file beside the streams; where it cannot be written all is put again,
  // which changes nothing.
  std::string progress_name() const { return "restored-" + cluster_ + ".txt"; }
  void read_progress() {
    const auto text = read_file(options_.folder + "/" + progress_name(), kManifestSizeMax);
    if (!text) return;
    std::istringstream lines(*text);
    std::string line;
    const bool is_ours = std::getline(lines, line) && line == hex_of(name_of_restore(manifest_));
    while (is_ours && std::getline(lines, line)) finished_.insert(line);
  }
  void note_progress(const StreamEntry& stream) {
    if (options_.merge != Merge::kNone) return;
    finished_.insert(stream.file);
    std::string text = hex_of(name_of_restore(manifest_)) + "\n";
    for (const std::string& file : finished_) text += file + "\n";
    static_cast<void>(write_file(options_.folder, progress_name(), text));
  }

  /// Several streams side by side, a piece of each in turn, so that all leaders have something to do.
  Result<void> put_streams() {
    std::list<Reading> all;
    std::size_t next = 0;
    while (!failure_) {
      for (; all.size() < kStreamsAtATime && next < manifest_.streams.size(); ++next) begin_stream(all, next);
      if (all.empty()) return {};
      bool has_read = false;
      for (Reading& each : all) {
        if (!each.reader || failure_) continue;
        const auto more = each.reader->step(kPieceSize);
        if (!more) return damaged(more.error());
        has_read = true;
        if (*more) continue;
        batches_.close(each.stream);
        each.reader.reset();
      }
      if (!has_read) turn();
      all.remove_if([this](const Reading& each) { return is_stored(each); });
    }
    return *failure_;
  }

  void begin_stream(std::list<Reading>& all, std::size_t number) {
    const StreamEntry& stream = manifest_.streams[number];
    if (finished_.contains(stream.file)) {
      ++result_.streams_skipped;
      return;
    }
    all.push_back(
        {number, std::make_unique<StreamReader>(options_.folder, manifest_, stream,
                                                [this, number](const BackupRecord& record) { put(number, record); })});
  }

  bool is_stored(const Reading& each) {
    if (each.reader || failure_ || !batches_.is_empty(each.stream)) return false;
    note_progress(manifest_.streams[each.stream]);
    return true;
  }

  void put(std::size_t stream, const BackupRecord& record) {
    if (failure_ || !record.key.starts_with(options_.prefix)) return;
    BackupRecord put = record;
    if (options_.into) {
      key_ = *options_.into + std::string(record.key.substr(options_.prefix.size()));
      put.key = key_;
      if (key_.empty() || key_.size() > kKeySizeMax) {
        failure_ = invalid_argument("--into makes a key of " + std::to_string(key_.size()) + " bytes; 1 to 4096 it is");
        return;
      }
    }
    while (!failure_ && !batches_.has_room()) turn();
    if (!failure_) batches_.add(stream, put);
    if (batches_.has_ready()) send_ready();
  }

  void send_ready() {
    while (const auto ready = batches_.next(now())) {
      Options options;
      options.timeout = kTimeout;
      client_.start(Command::kBatch, ready->arguments, options,
                    [this, number = ready->number, alive = std::weak_ptr<int>(alive_)](const Answer& answer) {
                      if (!alive.expired()) batches_.on_answer(number, answer.reply, now());
                    });
    }
  }

  void turn() {
    send_ready();
    client_.run(milliseconds(20));
    if (batches_.failure()) failure_ = batches_.failure();
    if (interrupted()) failure_ = Error{Code::kUnavailable, "interrupted; the same command goes on with it"};
    show();
  }

  void show() {
    if (!progress_.is_on() || Clock::now() - shown_at_ < kProgressEvery) return;
    shown_at_ = Clock::now();
    const std::uint64_t done = batches_.stored() + batches_.kept();
    const double share =
        static_cast<double>(done) / static_cast<double>(std::max<std::uint64_t>(manifest_.records(), 1));
    constexpr std::size_t kBarSize = 30;
    const auto filled = static_cast<std::size_t>(std::min(share, 1.0) * kBarSize);
    progress_.show("[" + std::string(filled, '#') + std::string(kBarSize - filled, '.') + "] " + grouped(done) +
                   " of " + grouped(manifest_.records()) + " records");
  }

  Client& client_;
  const RestoreOptions& options_;
  std::optional<Error> failure_;  ///< Why it cannot go on.
  PutBatches batches_;
  Manifest manifest_;
  std::uint32_t partitions_ = 0;
  std::string cluster_;
  std::set<std::string> finished_;
  std::string key_;
  RestoreResult result_;
  Clock::time_point shown_at_;
  ProgressLine progress_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  ///< Tells late answers that this has gone.
};

}  // namespace

Result<RestoreResult> restore(Client& client, const RestoreOptions& options) { return Restore(client, options).run(); }

}  // namespace trellis
