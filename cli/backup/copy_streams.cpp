#include "cli/backup/copy_streams.hpp"

#include <algorithm>
#include <deque>
#include <memory>

#include "cli/backup/compressor.hpp"
#include "cli/backup/folder.hpp"
#include "cli/backup/page_pace.hpp"
#include "cli/progress_line.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPageTimeout{10'000};
constexpr milliseconds kPauseBeforeNextAttempt{100};
/// Compressed at once.
constexpr std::size_t kPlainSize = 256 << 10;
/// What waits for its turn is kept by the cluster for minutes; it is told that it is wanted this often.
constexpr std::chrono::seconds kKeepEvery{30};
constexpr milliseconds kProgressEvery{200};
constexpr int kProbes = 20;

bool passes_with_time(Code code) {
  return code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kResourceExhausted;
}

void tell_fence(Client& client, const StreamEntry& stream, FenceAction action) {
  Options options;
  options.timeout = milliseconds(5'000);
  client.start(Command::kFence, pack_fence({stream.partition, action, stream.fence}), options, [](const Answer&) {});
}

/// One partition on its way into its file.
struct Job {
  StreamEntry stream;
  std::string plain;
  std::string packed;
  std::optional<StreamWriter> writer;
  std::optional<BesideFile> file;
  Compressor compressor;
  RunningHash packed_hash;
  std::optional<std::string> after;
  Clock::time_point first_asked;  ///< For the page that is awaited.
  Clock::time_point ask_at;
  bool is_asked = false;
  bool is_done = false;
};

class Copier {
 public:
  Copier(Client& client, const Manifest& manifest, std::vector<StreamEntry> streams, const CopyWishes& wishes)
      : client_(client),
        manifest_(manifest),
        wishes_(wishes),
        pace_(wishes.rate, Clock::now()),
        waiting_(streams.begin(), streams.end()) {}

  Result<std::vector<StreamEntry>> run(const std::function<bool()>& interrupted) {
    all_ = waiting_.size();
    begun_ = kept_at_ = Clock::now();
    while (!failure_ && (!jobs_.empty() || !waiting_.empty())) {
      if (interrupted()) return Error{Code::kUnavailable, "interrupted; the same command goes on with it"};
      begin_jobs();
      for (const auto& job : jobs_) ask_if_due(job);
      client_.run(until_next_page());
      std::erase_if(jobs_, [](const auto& job) { return job->is_done; });
      keep();
      show();
    }
    progress_.clear();
    if (failure_) return *failure_;
    return done_;
  }

 private:
  void begin_jobs() {
    // One stream takes one after the other.
    const std::size_t at_a_time = wishes_.folder.empty() ? 1 : wishes_.at_a_time;
    while (jobs_.size() < at_a_time && !waiting_.empty() && !failure_) {
      auto job = std::make_shared<Job>();
      job->stream = std::move(waiting_.front());
      waiting_.pop_front();
      if (!wishes_.folder.empty()) {
        auto file = BesideFile::create(wishes_.folder, job->stream.file);
        if (!file) return fail(file.error());
        job->file.emplace(std::move(*file));
      }
      job->stream.packed_bytes = 0;
      job->writer.emplace(manifest_.header_of(job->stream), job->plain);
      job->ask_at = job->first_asked = Clock::now();
      jobs_.push_back(std::move(job));
    }
  }

  /// Where no page has to wait for its time, an answer is what comes next.
  milliseconds until_next_page() const {
    constexpr milliseconds kTurn{20};
    const auto wait = std::chrono::ceil<milliseconds>(pace_.wait(Clock::now()));
    return wait == milliseconds(0) ? kTurn : std::min(wait, kTurn);
  }

  void ask_if_due(const std::shared_ptr<Job>& job) {
    const auto now = Clock::now();
    if (job->is_asked || job->is_done || now < job->ask_at || pace_.wait(now) > Clock::duration(0)) return;
    job->is_asked = true;
    pace_.on_asked(now);
    FencePageArguments page{job->stream.partition, job->stream.fence, std::nullopt, pace_.page_size()};
    if (job->after) page.after = *job->after;
    Options options;
    options.timeout = kPageTimeout;
    client_.start(Command::kFenceRead, pack_fence_page(page), options,
                  [this, job, alive = std::weak_ptr<int>(alive_)](const Answer& answer) {
                    if (!alive.expired()) on_page(job, answer.reply);
                  });
  }

  void on_page(const std::shared_ptr<Job>& job, const Reply& reply) {
    job->is_asked = false;
    pace_.on_answered(reply.result.size());
    if (failure_) return;
    if (reply.status != Code::kOk) return on_refusal(*job, {reply.status, reply.info.message});
    PackedReader reader(reply.result);
    const auto count = reader.read_array();
    const Error unreadable{Code::kInternal, "the broker's answer to FENCE_READ cannot be read"};
    if (!count || (*count == 0 && reply.info.more)) return fail(unreadable);
    // The next page is on its way while this one is written.
    if (*count > 0 && !take_last_key(*job, reply.result)) return fail(unreadable);
    job->ask_at = job->first_asked = Clock::now();
    if (reply.info.more) ask_if_due(job);
    for (std::uint32_t i = 0; i < *count; ++i) {
      const auto record = reader.read_value();
      if (!record) return fail(unreadable);
      job->writer->add_packed(*record);
      bytes_ += record->size();
      ++records_;
      if (job->plain.size() >= kPlainSize && !flush(*job, false)) return;
    }
    if (!reply.info.more) finish(*job);
  }

  bool take_last_key(Job& job, std::string_view page) {
    PackedReader reader(page);
    std::string_view last;
    for (std::uint32_t left = reader.read_array().value_or(0); left > 0; --left) {
      last = reader.read_value().value_or(std::string_view());
    }
    PackedReader record(last);
    const auto key = record.read_array() == 4u ? record.read_bytes() : std::nullopt;
    if (!key || (job.after && *key <= *job.after)) return false;
    job.after = std::string(*key);
    return true;
  }

  void on_refusal(Job& job, const Error& error) {
    if (!passes_with_time(error.code)) return fail(error);
    const auto now = Clock::now();
    if (now - job.first_asked >= wishes_.patience) {
      return fail(
          {error.code, "partition " + std::to_string(job.stream.partition) + ": " + error.message +
                           "; where the cluster has let go of what it froze, the same command makes a new cut"});
    }
    job.ask_at = now + kPauseBeforeNextAttempt;
  }

  bool flush(Job& job, bool is_last) {
    job.compressor.add(job.plain, job.packed);
    if (is_last) job.compressor.finish(job.packed);
    job.plain.clear();
    job.packed_hash.add(job.packed);
    job.stream.packed_bytes += job.packed.size();
    const auto written = job.file ? job.file->write(job.packed) : write_out(job.packed);
    job.packed.clear();
    if (!written) fail(written.error());
    return !failure_;
  }

  void finish(Job& job) {
    job.stream.totals = job.writer->finish();
    if (!flush(job, true)) return;
    if (job.file) {
      if (auto finished = job.file->finish(); !finished) return fail(finished.error());
    }
    job.stream.packed_checksum = job.packed_hash.value();
    job.is_done = true;
    done_.push_back(job.stream);
  }

  /// What nobody reads yet is frozen for as long as somebody says that it is wanted.
  void keep() {
    if (Clock::now() - kept_at_ < kKeepEvery) return;
    kept_at_ = Clock::now();
    for (const StreamEntry& stream : waiting_) tell_fence(client_, stream, FenceAction::kKeep);
    for (const auto& job : jobs_) tell_fence(client_, job->stream, FenceAction::kKeep);
  }

  void show() {
    if (!progress_.is_on() || Clock::now() - shown_at_ < kProgressEvery) return;
    shown_at_ = Clock::now();
    const double seconds = std::chrono::duration<double>(shown_at_ - begun_).count();
    constexpr std::size_t kBarSize = 30;
    const std::size_t filled = all_ == 0 ? kBarSize : kBarSize * done_.size() / all_;
    progress_.show("[" + std::string(filled, '#') + std::string(kBarSize - filled, '.') + "] " +
                   std::to_string(done_.size()) + " of " + std::to_string(all_) + " partitions, " + grouped(records_) +
                   " records, " + formatted("%.1f MB/s", static_cast<double>(bytes_) / 1e6 / std::max(seconds, 1e-3)));
  }

  void fail(Error error) {
    if (!failure_) failure_ = std::move(error);
  }

  Client& client_;
  const Manifest& manifest_;
  const CopyWishes& wishes_;
  PagePace pace_;
  std::deque<StreamEntry> waiting_;
  std::vector<std::shared_ptr<Job>> jobs_;
  std::vector<StreamEntry> done_;
  std::optional<Error> failure_;
  std::size_t all_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t records_ = 0;
  Clock::time_point begun_;
  Clock::time_point kept_at_;
  Clock::time_point shown_at_;
  ProgressLine progress_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  ///< Tells late answers that this has gone.
};

}  // namespace

Result<std::vector<StreamEntry>> copy_streams(Client& client, const Manifest& manifest,
                                              std::vector<StreamEntry> streams, const CopyWishes& wishes,
                                              const std::function<bool()>& interrupted) {
  return Copier(client, manifest, std::move(streams), wishes).run(interrupted);
}

bool is_kept(Client& client, const StreamEntry& stream, const std::function<bool()>& interrupted) {
  Options options;
  options.timeout = kPageTimeout;
  const std::string page = pack_fence_page({stream.partition, stream.fence, std::nullopt, 1});
  for (int i = 0; i < kProbes && !interrupted(); ++i) {
    const Answer answer = client.call(Command::kFenceRead, page, options, interrupted);
    if (answer.reply.status == Code::kOk) return true;
    if (!passes_with_time(answer.reply.status)) return false;
    const auto until = Clock::now() + kPauseBeforeNextAttempt;
    while (Clock::now() < until && !interrupted()) client.run(milliseconds(10));
  }
  return false;
}

void end_fences(Client& client, const Manifest& manifest) {
  for (const StreamEntry& stream : manifest.streams) tell_fence(client, stream, FenceAction::kEnd);
  const auto end = Clock::now() + milliseconds(1'000);
  while (client.under_way() > 0 && Clock::now() < end) client.run(milliseconds(20));
}

}  // namespace trellis
