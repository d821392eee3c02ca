// The part of Requests that does some of a large request in each turn.
#include "broker/requests.hpp"

namespace trellis {
namespace {

/// What a turn spends on what was put off.
constexpr Effort kPutOffEffort = 5 * kEffortMillisecond;
/// Requests of many items, and replies, of more bytes are put off.
constexpr std::size_t kRequestAtOnceMax = 16 << 10;
constexpr std::size_t kReplyAtOnceMax = 256 << 10;
/// To take a request apart: its items, of some twenty bytes at least, and what their subrequests copy of it.
constexpr Effort begin_effort(std::size_t bytes) { return bytes / 20 * kItemEffort + copy_effort(bytes); }

}  // namespace

bool Requests::takes_long(const Entry& entry) {
  return entry.frame.size() > kRequestAtOnceMax && !is_on_one_key(entry.request.command);
}

void Requests::run_put_off(TimePoint now) {
  now_ = now;
  put_off_.run(kPutOffEffort, [this, now](Tag tag, Effort most) {
    Entry* const entry = pool_.find(tag);
    if (entry == nullptr) return JobTurn{};  // Its time was up.
    if (entry->assembly != nullptr) return assemble(*entry, most);
    const Effort taken = begin_effort(entry->frame.size());
    begin(*entry, now);
    return JobTurn{taken, true};
  });
  settle(now);
}

void Requests::begin_assembly(Entry& entry, MergedAnswer answer) {
  entry.assembly = std::make_unique<ReplyAssembly>(entry.request.id, std::move(answer));
  if (entry.assembly->size() <= kReplyAtOnceMax) {
    assemble(entry, kWithoutEnd);
    return;
  }
  cancel_calls(entry);
  entry.merger.reset();
  put_off_.add(entry.client->number, entry.tag);
}

JobTurn Requests::assemble(Entry& entry, Effort most) {
  const JobTurn turn = entry.assembly->go_on(most);
  if (turn.is_done) finish_with(entry, std::move(*entry.assembly).take());
  return turn;
}

}  // namespace trellis
