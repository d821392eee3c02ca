#include "cli/member_removal.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include "client/statement/printer.hpp"
#include "client/statement/report_text.hpp"
#include "protocol/reports.hpp"

namespace trellis {
namespace {

constexpr std::chrono::milliseconds kLookEvery{300};
/// A removal takes its time: what MEMBERS cannot be asked for is asked again, for so long.
constexpr int kFailuresMax = 100;

constexpr std::size_t kBarWidth = 24;
/// Nothing is said of the time that is left before a part has gone.
constexpr double kToldFrom = 0.02;

/// How the removal goes on: by bytes where the worker holds any, by replicas otherwise.
class RemovalProgress {
 public:
  std::string line(const MemberReport& member, std::chrono::steady_clock::time_point now) {
    const std::uint64_t left = member.moves_left.value_or(0);
    const std::uint64_t bytes = member.bytes.value_or(0);
    if (!begun_) {
      begun_ = now;
      bytes_ = bytes;
      replicas_ = left;
    }
    bytes_ = std::max(bytes_, bytes);
    replicas_ = std::max(replicas_, left);
    const double done = replicas_ == 0 ? 1
                        : bytes_ == 0  ? 1 - static_cast<double>(left) / static_cast<double>(replicas_)
                                       : 1 - static_cast<double>(bytes) / static_cast<double>(bytes_);
    std::string bar(static_cast<std::size_t>(done * static_cast<double>(kBarWidth)), '=');
    bar.resize(kBarWidth, ' ');
    std::string text = member.address + " leaves [" + bar + "] " + std::to_string(left) +
                       (left == 1 ? " replica, " : " replicas, ") + size_text(bytes) + " left";
    const double seconds = std::chrono::duration<double>(now - *begun_).count();
    if (done < kToldFrom || seconds <= 0) return text;
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(bytes_ - bytes) / seconds);
    if (rate > 0) text += ", " + size_text(rate) + "/s";
    return text + ", " + duration_text(static_cast<std::uint64_t>(seconds * 1'000 * (1 - done) / done)) + " left";
  }

 private:
  std::optional<std::chrono::steady_clock::time_point> begun_;
  std::uint64_t bytes_ = 0;     ///< There, at the beginning,
  std::uint64_t replicas_ = 0;  ///< as these.
};

}  // namespace

int await_removal(Client& client, const std::string& member, const StopSignal& stop) {
  const bool has_terminal = isatty(STDERR_FILENO) == 1;
  RemovalProgress progress;
  int failures = 0;
  bool was_leaving = false;
  while (!stop.requested() && failures < kFailuresMax) {
    const Answer answer = client.call(Command::kMembers, std::string(1, '\x90'), {}, [&] { return stop.requested(); });
    const auto members = read_member_reports(answer.reply.result);
    if (answer.reply.status != Code::kOk || !members) {
      ++failures;
      client.run(kLookEvery);
      continue;
    }
    failures = 0;
    const auto at = std::find_if(members->begin(), members->end(),
                                 [&](const MemberReport& each) { return each.address == member || each.id == member; });
    const bool is_gone = at == members->end();
    if (has_terminal)
      std::fprintf(stderr, "\r\x1b[K%s", is_gone ? "" : progress.line(*at, std::chrono::steady_clock::now()).c_str());
    if (is_gone) return kExitDone;
    const bool is_leaving = at->membership && *at->membership == "leaving";
    if (was_leaving && !is_leaving) {
      std::fprintf(stderr, "%smember %s stays after all\n", has_terminal ? "\r\x1b[K" : "", member.c_str());
      return kExitNotFound;
    }
    was_leaving = was_leaving || is_leaving;
    client.run(kLookEvery);
  }
  if (has_terminal) std::fputs("\r\x1b[K", stderr);
  std::fprintf(stderr, "the removal of %s goes on; `trellis members` shows it, `trellis member keep` takes it back\n",
               member.c_str());
  return kExitDone;
}

}  // namespace trellis
