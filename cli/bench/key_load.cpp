#include "cli/bench/key_load.hpp"

#include <algorithm>

#include "cli/progress_line.hpp"
#include "client/client.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::chrono::milliseconds kProgressEvery{200};
/// The load gives up after so long without progress.
constexpr std::chrono::seconds kPatience{60};

TimePoint clock_now() {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

class KeyLoad {
 public:
  KeyLoad(const std::vector<std::string>& endpoints, const BenchOptions& options, const StopSignal& stop)
      : client_(endpoints, Client::Absent::kAwait, options.user), options_(options), stop_(stop) {}

  Result<void> run();

 private:
  static constexpr std::size_t kBytesPerBatch = 64 << 10;
  static constexpr std::size_t kItemsMax = 500;
  static constexpr std::size_t kUnderWay = 24;

  void send(std::uint64_t first, std::uint64_t end);
  void on_answer(std::uint64_t first, std::uint64_t end, const Reply& reply);
  static std::optional<Error> error_in(const Reply& reply);

  Client client_;
  const BenchOptions& options_;
  const StopSignal& stop_;
  TimePoint give_up_ = clock_now() + kPatience;
  std::uint64_t stored_ = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> again_;
  std::optional<Error> failure_;
};

Result<void> KeyLoad::run() {
  ProgressLine progress;
  const std::uint64_t per_batch = std::clamp<std::uint64_t>(kBytesPerBatch / (options_.value_size + 24), 1, kItemsMax);
  std::uint64_t next = 0;
  while (stored_ < options_.keys && !failure_ && !stop_.requested()) {
    while (!again_.empty()) {
      const auto [first, end] = again_.back();
      again_.pop_back();
      send(first, end);
    }
    for (; next < options_.keys && client_.under_way() < kUnderWay; next = std::min(next + per_batch, options_.keys)) {
      send(next, std::min(next + per_batch, options_.keys));
    }
    client_.run(kProgressEvery);
    progress.show("loading: " + grouped(stored_) + " of " + grouped(options_.keys) + " keys");
  }
  if (failure_) return *failure_;
  if (stop_.requested()) return Error{Code::kUnavailable, "stopped before all keys were loaded"};
  return {};
}

void KeyLoad::send(std::uint64_t first, std::uint64_t end) {
  std::string arguments;
  PackedWriter writer(arguments);
  writer.array(1).array(end - first);
  for (std::uint64_t key = first; key < end; ++key) {
    writer.array(2).str("PUT").array(2).str(bench_key(key));
    writer.packed(bench_document(options_.value_size, static_cast<std::uint32_t>(key)));
  }
  client_.start(Command::kBatch, arguments, {},
                [this, first, end](const Answer& answer) { on_answer(first, end, answer.reply); });
}

void KeyLoad::on_answer(std::uint64_t first, std::uint64_t end, const Reply& reply) {
  auto error = error_in(reply);
  if (!error) {
    stored_ += end - first;
    give_up_ = clock_now() + kPatience;
    return;
  }
  const bool may_pass = error->code == Code::kUnavailable || error->code == Code::kDeadlineExceeded ||
                        error->code == Code::kResourceExhausted;
  if (may_pass && clock_now() < give_up_) {
    again_.emplace_back(first, end);
  } else {
    failure_ = std::move(error);
  }
}

/// The first error of a BATCH or of one of its items.
std::optional<Error> KeyLoad::error_in(const Reply& reply) {
  if (reply.status != Code::kOk) return Error{reply.status, reply.info.message};
  PackedReader reader(reply.result);
  const std::uint32_t items = reader.read_array().value_or(0);
  for (std::uint32_t i = 0; i < items; ++i) {
    const auto status = reader.read_array() ? reader.read_str() : std::nullopt;
    if (!status || !reader.read_value()) return Error{Code::kInternal, "the answer to a BATCH is broken"};
    const auto info = reader.read_value();
    if (*status == name_of(Code::kOk)) continue;
    const auto read = info ? read_info(*info) : ReplyInfo{};
    return Error{code_of(*status).value_or(Code::kInternal), read ? read->message : ""};
  }
  return std::nullopt;
}

}  // namespace

Result<void> load_bench_keys(const std::vector<std::string>& endpoints, const BenchOptions& options,
                             const StopSignal& stop) {
  return KeyLoad(endpoints, options, stop).run();
}

}  // namespace trellis
