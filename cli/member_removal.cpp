#include "cli/member_removal.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "client/statement/printer.hpp"
#include "protocol/reports.hpp"

namespace trellis {
namespace {

constexpr std::chrono::milliseconds kLookEvery{300};
/// A removal takes its time: what MEMBERS cannot be asked for is asked again, for so long.
constexpr int kFailuresMax = 100;

std::string left_of(const MemberReport& member) {
  const std::uint64_t left = member.moves_left.value_or(0);
  return member.address + " leaves: " + std::to_string(left) + (left == 1 ? " replica" : " replicas") + " left, " +
         std::to_string(member.bytes.value_or(0)) + " bytes there";
}

}  // namespace

int await_removal(Client& client, const std::string& member, const StopSignal& stop) {
  const bool has_terminal = isatty(STDERR_FILENO) == 1;
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
    if (has_terminal) std::fprintf(stderr, "\r\x1b[K%s", is_gone ? "" : left_of(*at).c_str());
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
