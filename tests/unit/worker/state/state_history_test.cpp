// The state machine against a model of maps and lists, over random histories: puts, deletes and pops with and without
// conditions, logged reads, retries old and young, other requests under used identities, floors that move, and
// replicas that are restored from snapshots on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "tests/unit/worker/memory_snapshot_store.hpp"
#include "tests/unit/worker/requests.hpp"
#include "worker/snapshot/snapshot_file.hpp"
#include "worker/state/state_machine.hpp"

namespace trellis {
namespace {

struct Place {
  LogIndex index;
  std::uint32_t position;
};

/// Three commands to a log entry.
Place place_of(std::uint64_t command) { return {{1 + command / 3}, static_cast<std::uint32_t>(command % 3)}; }
std::uint64_t version_of_command(std::uint64_t command) {
  return version_of(place_of(command).index, place_of(command).position);
}

constexpr SessionLimits kLimits{.writes_max = 60, .sessions_max = 3, .content_size_max = 40, .content_total_max = 300};
constexpr PartitionId kPartition{1};
constexpr Term kTerm{1};

/// An entry that owns its bytes.
struct OwnedEntry {
  std::string key, content, session;
  Entry entry;

  Entry view() const {
    Entry viewed = entry;
    viewed.key = key;
    viewed.content = content;
    viewed.session = session;
    return viewed;
  }
};

/// What the model says of a result: only what clients see, without the words.
struct Seen {
  Code status = Code::kOk;
  ResultKind kind = ResultKind::kNil;
  std::string packed = {};
  std::uint64_t version = 0;
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << name_of(seen.status) << " " << static_cast<int>(seen.kind) << " " << seen.packed.size() << " bytes, v"
             << seen.version;
}

Seen seen(const CommandResult& result) {
  return {result.status, result.kind, std::string(result.packed.bytes()), result.version.value_or(0)};
}

/// The contract in the plainest words: documents in a map, writes in a list, everything looked for one by one.
class Model {
 public:
  Seen apply(std::uint64_t version, const OwnedEntry& owned) {
    const Entry& entry = owned.entry;
    Book& book = books_[entry.broker_session];
    for (const Write& write : book.writes) {
      if (write.session != owned.session || write.seq != entry.seq || write.item != entry.item) continue;
      if (write.fingerprint != entry.fingerprint) return {Code::kFailedPrecondition};
      return write.dropped ? Seen{Code::kFailedPrecondition} : write.answer;
    }
    const Session* const session = book.find(owned.session);
    const bool is_below = has_floor(entry) && entry.seq < entry.floor;
    if (is_below || (session != nullptr && (entry.seq < session->floor || entry.seq < session->lost_below))) {
      return {entry.broker_session ? Code::kDeadlineExceeded : Code::kFailedPrecondition};
    }
    const Seen answer = execute(version, owned);
    remember(book, owned, answer);
    return answer;
  }

  std::map<std::string, std::pair<std::uint64_t, std::string>> documents;

 private:
  struct Write {
    std::string session;
    std::uint64_t seq;
    std::uint16_t item;
    std::uint64_t fingerprint;
    Seen answer;
    bool dropped;
  };
  struct Session {
    std::string name;
    std::uint64_t floor = 0;
    std::uint64_t lost_below = 0;
  };
  /// What is remembered of brokers' sessions, or of clients'.
  struct Book {
    std::deque<Write> writes;
    std::deque<Session> sessions;  ///< In the order of their last writes.

    Session* find(const std::string& name) {
      const auto at = std::find_if(sessions.begin(), sessions.end(), [&](const Session& s) { return s.name == name; });
      return at == sessions.end() ? nullptr : &*at;
    }
  };

  static bool has_floor(const Entry& entry) { return entry.broker_session || entry.has_floor; }

  Seen execute(std::uint64_t version, const OwnedEntry& owned) {
    const Entry& entry = owned.entry;
    const auto found = documents.find(owned.key);
    const bool there = found != documents.end();
    if (entry.if_absent && there) return {Code::kAlreadyExists};
    if (entry.if_version && (!there || found->second.first != *entry.if_version)) return {Code::kFailedPrecondition};
    const ResultKind yes_or_no = there ? ResultKind::kTrue : ResultKind::kFalse;
    switch (entry.kind) {
      case EntryKind::kPut:
        documents[owned.key] = {version, owned.content};
        return {Code::kOk, there ? ResultKind::kFalse : ResultKind::kTrue, {}, version};
      case EntryKind::kDelete: documents.erase(owned.key); return {Code::kOk, yes_or_no};
      case EntryKind::kHas: return {Code::kOk, yes_or_no, {}, there ? found->second.first : 0};
      default: break;
    }
    if (!there) return {Code::kNotFound};
    const Seen answer{Code::kOk, ResultKind::kPacked, found->second.second, found->second.first};
    if (entry.kind == EntryKind::kPop) documents.erase(found);
    return answer;
  }

  static void remember(Book& book, const OwnedEntry& owned, const Seen& answer) {
    const Entry& entry = owned.entry;
    Session* const known = book.find(owned.session);
    if (known != nullptr || has_floor(entry)) {
      Session session = known != nullptr ? *known : Session{owned.session};
      std::erase_if(book.sessions, [&](const Session& s) { return s.name == owned.session; });
      if (has_floor(entry)) session.floor = std::max(session.floor, entry.floor);
      book.sessions.push_back(session);
      if (book.sessions.size() > kLimits.sessions_max) book.sessions.pop_front();
    }
    book.writes.push_back({owned.session, entry.seq, entry.item, entry.fingerprint, answer,
                           answer.packed.size() > kLimits.content_size_max});
    while (book.writes.size() > kLimits.writes_max ||
           (!book.writes.empty() && is_answered(book, book.writes.front()))) {
      const Write& oldest = book.writes.front();
      if (Session* const its = book.find(oldest.session)) its->lost_below = std::max(its->lost_below, oldest.seq + 1);
      book.writes.pop_front();
    }
    // The oldest contents go until the rest is within its bound.
    std::size_t total = 0;
    for (auto write = book.writes.rbegin(); write != book.writes.rend(); ++write) {
      if (write->answer.packed.empty() || write->dropped) continue;
      total += write->answer.packed.size();
      write->dropped = total > kLimits.content_total_max;
    }
  }

  static bool is_answered(Book& book, const Write& write) {
    const Session* const session = book.find(write.session);
    return session != nullptr && write.seq < session->floor;
  }

  std::map<bool, Book> books_;  ///< By whether they are of broker sessions.
};

/// Draws entries: mostly new ones, but often enough one of the last again, as it was or changed.
class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {}

  OwnedEntry next() {
    if (!sent_.empty() && below(100) < 25) return retry();
    OwnedEntry owned = command();
    identify(owned);
    sent_.push_back(owned);
    if (sent_.size() > 150) sent_.pop_front();
    return owned;
  }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  OwnedEntry retry() {
    OwnedEntry again = sent_[below(sent_.size())];
    if (below(10) == 0) {
      again.key += "!";
      again.entry.fingerprint = fingerprint_of(again.view(), false);
    }
    // It is sent again with the floor of now, which may or may not have passed it.
    if ((again.entry.broker_session || again.entry.has_floor) && below(2) == 0)
      again.entry.floor = std::max(again.entry.floor, floors_[again.session]);
    return again;
  }
  OwnedEntry command() {
    constexpr EntryKind kKinds[] = {EntryKind::kPut, EntryKind::kPut, EntryKind::kPut, EntryKind::kDelete,
                                    EntryKind::kPop, EntryKind::kGet, EntryKind::kHas};
    OwnedEntry owned;
    owned.entry.kind = kKinds[below(std::size(kKinds))];
    owned.key = "key" + std::to_string(below(12));
    if (owned.entry.kind == EntryKind::kPut) {
      owned.content = packed_text(std::string(below(60), 'x'));
      owned.entry.if_absent = below(4) == 0;
    }
    const bool conditional = owned.entry.kind == EntryKind::kPut || owned.entry.kind == EntryKind::kDelete;
    if (conditional && !owned.entry.if_absent && below(3) == 0)
      owned.entry.if_version = version_of_command(1 + below(30) + number_hint);
    return owned;
  }
  void identify(OwnedEntry& owned) {
    owned.session = "session" + std::to_string(below(4));
    owned.entry.broker_session = below(2) == 0;
    owned.entry.item = static_cast<std::uint16_t>(below(3));
    if (owned.entry.broker_session) {
      // A broker now and then starts again, under a new name.
      if (below(40) == 0) ++lives_;
      owned.session = "broker" + std::to_string(lives_ - below(2));
      std::uint64_t& floor = floors_[owned.session];
      owned.entry.seq = floor + below(30);
      floor += below(4);
      owned.entry.floor = std::min(floor, owned.entry.seq);
    } else if (below(2) == 0) {
      // A client of some floors, now and then without one.
      owned.session = "floors" + std::to_string(below(5));
      std::uint64_t& floor = floors_[owned.session];
      owned.entry.seq = floor + below(30);
      floor += below(4);
      owned.entry.has_floor = below(8) != 0;
      if (owned.entry.has_floor) owned.entry.floor = std::min(floor, owned.entry.seq);
    } else {
      owned.entry.seq = below(100);
    }
    owned.entry.fingerprint = fingerprint_of(owned.view(), false);
  }

 public:
  std::uint64_t number_hint = 0;  ///< Conditions name versions of the commands from here on.

 private:
  std::mt19937_64 random_;
  std::deque<OwnedEntry> sent_;
  std::map<std::string, std::uint64_t> floors_;
  std::uint64_t lives_ = 1;
};

std::string snapshot_of(const FrozenState& frozen) {
  MemorySnapshotStore store;
  EXPECT_TRUE(write_snapshot(frozen, kPartition, frozen.applied, kTerm, "s", store));
  return store.files["s"];
}

/// A view that is kept while writes go on, and what it held when it was taken.
struct HeldView {
  explicit HeldView(StateMachine& state) : frozen(state.freeze()), snapshot(snapshot_of(frozen)) {}
  FrozenState frozen;
  std::string snapshot;
};

StateMachine restored(StateMachine& state) {
  MemorySnapshotStore store;
  const auto descriptor = write_snapshot(state.freeze(), kPartition, state.applied(), kTerm, "s", store);
  auto read = read_snapshot(*descriptor, store, kLimits);
  EXPECT_TRUE(read) << read.error().message;
  return std::move(*read);
}

std::map<std::string, std::pair<std::uint64_t, std::string>> documents_of(StateMachine& state) {
  std::map<std::string, std::pair<std::uint64_t, std::string>> documents;
  const FrozenState frozen = state.freeze();
  TrieCursor cursor = frozen.documents.cursor();
  for (cursor.seek_first(); cursor.valid(); cursor.next()) {
    documents[std::string(cursor.key())] = {cursor.version(), std::string(cursor.document())};
  }
  return documents;
}

class StateHistory : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(StateHistory, AgreesWithTheModelAndAcrossSnapshots) {
  History history(GetParam());
  Model model;
  StateMachine state(kLimits);
  StateMachine other(kLimits);  // Is restored on the way, again and again.
  std::vector<HeldView> held;
  std::map<Code, int> seen_codes;
  for (std::uint64_t number = 1; number <= 3000; ++number) {
    const auto [index, position] = place_of(number);
    history.number_hint = number > 25 ? number - 25 : 0;
    const OwnedEntry owned = history.next();
    const CommandResult result = state.apply(index, position, owned.view());
    ASSERT_EQ(seen(result), model.apply(version_of(index, position), owned))
        << "seed " << GetParam() << ", command " << number;
    ASSERT_EQ(pack_reply_frame(1, other.apply(index, position, owned.view())), pack_reply_frame(1, result))
        << "seed " << GetParam() << ", command " << number;
    ++seen_codes[result.status];
    if (history.below(50) == 0) held.emplace_back(state);  // Views come and go, and make no difference.
    if (history.below(120) == 0) {
      for (const HeldView& view : held) ASSERT_EQ(snapshot_of(view.frozen), view.snapshot) << "seed " << GetParam();
      held.clear();
    }
    if (history.below(200) == 0) {
      ASSERT_EQ(snapshot_of(other.freeze()), snapshot_of(state.freeze()))
          << "seed " << GetParam() << ", command " << number;
      other = restored(other);
    }
  }
  EXPECT_EQ(documents_of(state), model.documents);
  EXPECT_EQ(snapshot_of(other.freeze()), snapshot_of(state.freeze()));
  for (const Code code :
       {Code::kOk, Code::kNotFound, Code::kAlreadyExists, Code::kFailedPrecondition, Code::kDeadlineExceeded}) {
    EXPECT_GT(seen_codes[code], 10) << "the history is to provoke " << name_of(code);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, StateHistory, ::testing::Range<std::uint64_t>(1, 31));

}  // namespace
}  // namespace trellis
