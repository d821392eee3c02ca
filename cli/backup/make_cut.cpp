#include "cli/backup/make_cut.hpp"

#include <chrono>
#include <memory>

#include "client/backup/cut_attempt.hpp"

namespace trellis {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPauseMin{50};
constexpr milliseconds kPauseMax{1'000};
/// With partial, a partition is left out once it had no leader in so many attempts.
constexpr int kAttemptsBeforeLeftOut = 3;

/// Runs one attempt to its end.  What it asks without awaiting an answer may still be under way then.
std::shared_ptr<CutAttempt> attempt(Client& client, std::set<std::uint32_t> partitions,
                                    const std::function<bool()>& interrupted) {
  auto attempt = std::make_shared<CutAttempt>(std::move(partitions));
  using Ask = std::function<void(std::vector<CutAsk>)>;
  const auto ask = std::make_shared<Ask>();
  // Answers that come when the attempt is over find that the function is gone.
  const std::weak_ptr<Ask> again = ask;
  *ask = [&client, attempt, again](const std::vector<CutAsk>& asks) {
    for (const CutAsk& each : asks) {
      Options options;
      options.timeout = each.timeout;
      client.start(each.command, each.arguments, options, [attempt, again, each](const Answer& answer) {
        const auto next = again.lock();
        if (each.is_awaited && next != nullptr) (*next)(attempt->on_answer(each, answer.reply));
      });
    }
  };
  (*ask)(attempt->begin());
  while (!attempt->is_over() && !interrupted()) client.run(milliseconds(50));
  client.run(milliseconds(0));
  return attempt;
}

std::string text_of(const CutAttempt& attempt) {
  if (attempt.unreachable().empty()) return attempt.reason();
  std::string text = "no leader answered for partition";
  text += attempt.unreachable().size() > 1 ? "s" : "";
  for (const auto& [partition, message] : attempt.unreachable()) text += " " + std::to_string(partition);
  return text + ": " + attempt.unreachable().begin()->second + "; --partial leaves out what has no leader";
}

}  // namespace

Result<MadeCut> make_cut(Client& client, const CutWishes& wishes, const std::function<bool()>& interrupted) {
  std::set<std::uint32_t> partitions;
  for (std::uint32_t i = 0; i < wishes.partitions; ++i) partitions.insert(i);
  std::map<std::uint32_t, int> unreachable;
  MadeCut cut;
  const auto end = Clock::now() + wishes.patience;
  for (milliseconds pause = kPauseMin;; pause = std::min(kPauseMax, 2 * pause)) {
    const auto tried = attempt(client, partitions, interrupted);
    if (tried->is_made()) {
      cut.fences = tried->fences();
      return cut;
    }
    if (interrupted()) return Error{Code::kUnavailable, "interrupted"};
    if (partitions.empty()) return Error{Code::kUnavailable, "no partition has a leader"};
    for (const auto& [partition, message] : tried->unreachable()) {
      if (!wishes.partial || ++unreachable[partition] < kAttemptsBeforeLeftOut) continue;
      partitions.erase(partition);
      cut.missing.push_back(partition);
    }
    if (Clock::now() >= end) return Error{Code::kUnavailable, "no cut could be made: " + text_of(*tried)};
    const auto until = Clock::now() + pause;
    while (Clock::now() < until && !interrupted()) client.run(milliseconds(10));
  }
}

}  // namespace trellis
