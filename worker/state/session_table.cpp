#include "worker/state/session_table.hpp"

#include <utility>

namespace trellis {
namespace {

WriteName name_of(const Entry& entry) { return {entry.session, entry.seq, entry.item}; }

std::optional<std::uint64_t> floor_of(const Entry& entry) {
  return entry.broker_session || entry.has_floor ? std::optional(entry.floor) : std::nullopt;
}

}  // namespace

bool SessionBook::is_past(const Entry& entry, SessionFloors::Position session) const {
  if (const auto floor = floor_of(entry); floor && entry.seq < *floor) return true;
  return session != SessionFloors::kNone && floors_.at(session).is_past(entry.seq);
}

void SessionBook::remember(const RememberedWrite& write, std::uint64_t hash, SessionFloors::Position session,
                           std::optional<std::uint64_t> floor) {
  if (floor || session != SessionFloors::kNone) floors_.on_write(session, write.name.session, floor.value_or(0));
  writes_.append(write, hash);
  while (writes_.size() > 0 && forget_first()) continue;
}

/// Whether the write that was made first need not be remembered any longer, and is not.
bool SessionBook::forget_first() {
  const WriteName first = writes_.first_name();
  const SessionFloors::Position session = floors_.position_of(first.session);
  const bool is_kept = session != SessionFloors::kNone;
  const bool is_answered = is_kept && first.seq < floors_.at(session).floor;
  if (!is_answered && writes_.size() <= limits_.writes_max) return false;
  if (is_kept) floors_.on_forgotten(session, first.seq);
  writes_.forget_first(first);
  return true;
}

Result<void> SessionBook::restore(const SessionFloor& session) {
  if (session.name.empty() || session.name.size() > kSessionSizeMax) {
    return invalid_argument("sessions: the name of a session is empty or too long");
  }
  if (!floors_.restore(session)) return invalid_argument("sessions: a session stands twice, or there are too many");
  return {};
}

Result<void> SessionBook::restore(const RememberedWrite& write) {
  if (write.name.session.empty() || write.name.session.size() > kSessionSizeMax) {
    return invalid_argument("sessions: the name of a session is empty or too long");
  }
  if (write.name.item >= kBatchItemsMax) return invalid_argument("sessions: no such position in a BATCH");
  if (writes_.size() == limits_.writes_max) return invalid_argument("sessions: too many writes");
  if (write.answer.content.size() > limits_.content_size_max) return invalid_argument("sessions: an answer too large");
  const std::uint64_t hash = SessionWindow::hash_of(write.name);
  if (writes_.find(write.name, hash)) return invalid_argument("sessions: a write stands twice");
  writes_.append(write, hash);
  return {};
}

SessionTable::Finding SessionTable::find(const Entry& entry) const {
  const SessionBook& book = book_of(entry);
  const WriteName name = name_of(entry);
  Finding finding;
  finding.hash = SessionWindow::hash_of(name);
  if (const auto number = book.writes().find(name, finding.hash)) {
    const bool is_same = book.writes().fingerprint_at(*number) == entry.fingerprint;
    finding.verdict = is_same ? Verdict::kRepeated : Verdict::kOther;
    if (is_same) finding.answer = book.writes().at(*number).answer;
    return finding;
  }
  finding.session = book.floors().position_of(entry.session);
  if (book.is_past(entry, finding.session)) finding.verdict = Verdict::kTooOld;
  return finding;
}

void SessionTable::remember(const Entry& entry, const Finding& found, const WriteAnswer& answer) {
  const RememberedWrite write{name_of(entry), entry.fingerprint, answer};
  (entry.broker_session ? brokers_ : clients_).remember(write, found.hash, found.session, floor_of(entry));
}

}  // namespace trellis
