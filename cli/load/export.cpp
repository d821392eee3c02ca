#include "cli/load/export.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "client/statement/statement.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kPageKeys = 5'000;
constexpr milliseconds kAttemptTimeout{10'000};
constexpr milliseconds kPauseBeforeNextAttempt{200};

Error cannot_write(const std::string& name) {
  return {Code::kInternal, "cannot write " + name + ": " + std::strerror(errno)};
}

/// Standard output, or a file that is written beside and takes its name when it is whole.
class OutputFile {
 public:
  explicit OutputFile(const std::string& name)
      : name_(name == "-" ? "standard output" : name), beside_(name == "-" ? "" : name + ".part") {
    if (!beside_.empty()) fd_ = open(beside_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  }
  ~OutputFile() {
    if (beside_.empty() || fd_ < 0) return;
    close(fd_);
    if (!finished_) unlink(beside_.c_str());
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  Result<void> write(std::string_view bytes) const {
    while (fd_ >= 0 && !bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) return cannot_write(name_);
      if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return fd_ >= 0 ? Result<void>() : cannot_write(name_);
  }
  Result<void> finish() {
    if (beside_.empty()) return {};
    if (fsync(fd_) != 0 || rename(beside_.c_str(), name_.c_str()) != 0) return cannot_write(name_);
    finished_ = true;
    return {};
  }

 private:
  std::string name_;
  std::string beside_;
  int fd_ = STDOUT_FILENO;
  bool finished_ = false;
};

class Export {
 public:
  Export(Client& client, const ExportOptions& options) : client_(client), options_(options) {}
  Result<ExportResult> run();

 private:
  /// The next page, tried until patience is over.
  Result<Answer> ask();
  Result<void> write_page(const Reply& page, const OutputFile& file);
  bool interrupted() const { return options_.stop != nullptr && options_.stop->requested(); }

  Client& client_;
  const ExportOptions& options_;
  std::optional<std::string> last_key_;
  std::string lines_;
  ExportResult result_;
};

Result<ExportResult> Export::run() {
  const auto begun = Clock::now();
  OutputFile file(options_.file);
  if (auto good = file.write(""); !good) return good.error();
  for (bool more = true; more;) {
    const auto answer = ask();
    if (!answer) return answer.error();
    if (auto written = write_page(answer->reply, file); !written) return written.error();
    more = answer->reply.info.more;
  }
  if (auto finished = file.finish(); !finished) return finished.error();
  result_.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  return result_;
}

Result<Answer> Export::ask() {
  const auto end = Clock::now() + options_.patience;
  Options options;
  options.stale = options_.stale;
  options.timeout = std::min(kAttemptTimeout, options_.patience);
  while (true) {
    Answer answer = client_.call(Command::kScan, pack_page(options_.prefix, kPageKeys, last_key_), options,
                                 [this] { return interrupted(); });
    const Reply& reply = answer.reply;
    Error error{reply.status, reply.info.message};
    if (reply.status == Code::kOk && reply.info.missing_partitions.empty() && reply.info.guaranteed) return answer;
    if (reply.status == Code::kOk) {
      error = {Code::kUnavailable, "too many workers are down: an export would lack records, or hold old ones"};
    }
    const bool passes = error.code == Code::kUnavailable || error.code == Code::kDeadlineExceeded ||
                        error.code == Code::kResourceExhausted;
    if (!passes || interrupted() || Clock::now() >= end) return error;
    client_.run(kPauseBeforeNextAttempt);
  }
}

Result<void> Export::write_page(const Reply& page, const OutputFile& file) {
  const Error unreadable{Code::kInternal, "the broker's answer to SCAN cannot be read"};
  PackedReader reader(page.result);
  const auto count = reader.read_array();
  if (!count || (page.info.more && *count == 0)) return unreadable;
  lines_.clear();
  for (std::uint32_t left = *count; left > 0; --left) {
    const bool is_pair = reader.read_array() == 2u;
    const auto key = reader.read_bytes();
    const auto document = reader.read_value();
    if (!is_pair || !key || !document) return unreadable;
    append_export_line(lines_, *key, *document, options_.format);
    if (left == 1) last_key_ = std::string(*key);
  }
  result_.records += *count;
  return file.write(lines_);
}

}  // namespace

Result<ExportResult> export_records(Client& client, const ExportOptions& options) {
  return Export(client, options).run();
}

}  // namespace trellis
