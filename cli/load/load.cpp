#include "cli/load/load.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <thread>

#include "cli/load/bounded_queue.hpp"
#include "cli/load/loader.hpp"
#include "cli/load/record_reader.hpp"
#include "cli/progress_line.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// Parsed batches that may wait for the sender.
constexpr std::size_t kParsedMax = 8;
/// How long the broker tries a batch before it says so; the loader then sends it again.
constexpr milliseconds kAttemptTimeout{10'000};
constexpr milliseconds kProgressEvery{100};

TimePoint now() { return TimePoint(std::chrono::duration_cast<Duration>(Clock::now().time_since_epoch())); }

double seconds_since(Clock::time_point begun) { return std::chrono::duration<double>(Clock::now() - begun).count(); }

std::string random_session() {
  std::random_device device;
  std::string session;
  while (session.size() < 16) session.push_back(static_cast<char>(device()));
  return session;
}

/// How far the load is, a few times a second.
class Progress {
 public:
  explicit Progress(std::uint64_t bytes_total) : bytes_total_(bytes_total) {}

  void show(std::uint64_t records, std::uint64_t bytes) {
    if (!line_.is_on() || Clock::now() < next_) return;
    next_ = Clock::now() + kProgressEvery;
    const double rate = static_cast<double>(records) / std::max(seconds_since(begun_), 1e-3);
    std::string text;
    if (bytes_total_ > 0) text = bar(static_cast<double>(bytes) / static_cast<double>(bytes_total_));
    line_.show(text + grouped(records) + " records, " + grouped(static_cast<std::uint64_t>(rate)) + " records/s");
  }
  void clear() { line_.clear(); }

 private:
  static std::string bar(double part) {
    constexpr int kWidth = 30;
    const int full = std::min(kWidth, static_cast<int>(part * kWidth));
    const int percent = std::min(100, static_cast<int>(part * 100));
    return "[" + std::string(full, '#') + std::string(kWidth - full, '.') + "] " + std::to_string(percent) + " %  ";
  }

  ProgressLine line_;
  std::uint64_t bytes_total_;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point next_ = begun_;
};

/// A file descriptor that is closed at the end, unless it is standard input.
class File {
 public:
  explicit File(const std::string& name) : fd_(name == "-" ? STDIN_FILENO : open(name.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ > STDIN_FILENO) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool is_directory() const {
    struct stat status {};
    return fstat(fd_, &status) == 0 && S_ISDIR(status.st_mode);
  }
  /// 0 where that is not known beforehand.
  std::uint64_t size() const {
    struct stat status {};
    return fstat(fd_, &status) == 0 && S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
  }

 private:
  int fd_;
};

/// One load: the loader with a client below it and a parsing thread above.
class Load : private LoadOutput {
 public:
  Load(Client& client, const LoadOptions& options, const File& file)
      : client_(client),
        options_(options),
        progress_(file.size()),
        stop_fd_(eventfd(0, EFD_CLOEXEC)),
        reader_(std::make_unique<FileSource>(file.fd(), stop_fd_), options.file, options.rules, options.strict),
        loader_(options.file, options.patience, *this) {}
  ~Load() override {
    for (const auto& [batch, call] : calls_) client_.forget(call);
    close(stop_fd_);
  }

  Result<LoadResult> run();

 private:
  void send(std::uint64_t batch, const std::string& arguments) override;
  void report(const std::string& line) override;
  void parse();
  void feed();
  void stop_parsing();
  int exit_code() const;
  bool interrupted() const { return options_.stop != nullptr && options_.stop->requested(); }

  Client& client_;
  const LoadOptions& options_;
  Progress progress_;
  int stop_fd_;
  RecordReader reader_;  ///< The parsing thread's, until that has ended.
  BoundedQueue<RecordBatch> parsed_{kParsedMax};
  std::string session_ = random_session();
  std::unordered_map<std::uint64_t, std::uint64_t> calls_;  ///< Batch -> its call under way.
  Loader loader_;
};

Result<LoadResult> Load::run() {
  const auto begun = Clock::now();
  std::thread parser([this] { parse(); });
  while (!loader_.failure() && !interrupted()) {
    feed();
    if (parsed_.finished() && loader_.done()) break;
    client_.run(kProgressEvery);
    loader_.on_tick(now());
    progress_.show(loader_.loaded(), loader_.bytes());
  }
  stop_parsing();
  parser.join();
  progress_.clear();
  if (reader_.refusal()) return Error{Code::kFailedPrecondition, options_.file + ": " + *reader_.refusal()};
  if (loader_.errors_untold() > 0) report("... and " + grouped(loader_.errors_untold()) + " more errors");
  if (loader_.loaded() == 0 && loader_.errors() > 0 && reader_.may_be_table()) {
    report("if it is a table whose first line names the columns, --format csv (or tsv) and --key-field read it");
  }
  if (reader_.failure()) report(options_.file + ": " + reader_.failure()->message);
  return LoadResult{loader_.loaded(), loader_.errors(), seconds_since(begun), exit_code()};
}

/// The parsing thread.
void Load::parse() {
  while (auto batch = reader_.next()) {
    if (!parsed_.push(std::move(*batch))) break;
    client_.wake();
  }
  parsed_.close();
  client_.wake();
}

void Load::feed() {
  while (loader_.has_room()) {
    auto batch = parsed_.try_pop();
    if (!batch) break;
    loader_.add(now(), std::move(*batch));
  }
}

void Load::stop_parsing() {
  parsed_.close();
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(stop_fd_, &one, sizeof one);
}

void Load::send(std::uint64_t batch, const std::string& arguments) {
  Options options;
  options.session = session_;
  options.seq = batch;
  options.timeout = std::min(kAttemptTimeout, options_.patience);
  calls_[batch] = client_.start(Command::kBatch, arguments, options, [this, batch](const Answer& answer) {
    calls_.erase(batch);
    loader_.on_answer(now(), batch, answer.reply);
  });
}

void Load::report(const std::string& line) {
  progress_.clear();
  std::fprintf(stderr, "%s\n", line.c_str());
}

int Load::exit_code() const {
  if (loader_.failure()) return 3;
  if (interrupted()) return kLoadStopped;
  return loader_.errors() > 0 || reader_.failure() ? 1 : 0;
}

}  // namespace

Result<LoadResult> load(Client& client, const LoadOptions& options) {
  const File file(options.file);
  if (file.fd() < 0) return Error{Code::kInvalidArgument, options.file + ": " + std::strerror(errno)};
  if (file.is_directory()) return invalid_argument(options.file + ": it is a folder, not a data file");
  return Load(client, options, file).run();
}

std::string to_text(const LoadResult& result) {
  const double rate = static_cast<double>(result.records) / std::max(result.seconds, 1e-3);
  char text[160];
  if (result.exit_code == kLoadStopped) {
    std::snprintf(text, sizeof text, "interrupted after %llu records, in %.1f s; the rest was not loaded",
                  static_cast<unsigned long long>(result.records), result.seconds);
    return text;
  }
  std::snprintf(text, sizeof text, "loaded %llu records, %llu errors, in %.1f s (%.0f records/s)",
                static_cast<unsigned long long>(result.records), static_cast<unsigned long long>(result.errors),
                result.seconds, rate);
  return text;
}

std::string to_json(const LoadResult& result) {
  const double rate = static_cast<double>(result.records) / std::max(result.seconds, 1e-3);
  char text[160];
  std::snprintf(text, sizeof text, R"({"records": %llu, "errors": %llu, "seconds": %.3f, "records_per_second": %.0f})",
                static_cast<unsigned long long>(result.records), static_cast<unsigned long long>(result.errors),
                result.seconds, rate);
  return text;
}

}  // namespace trellis
