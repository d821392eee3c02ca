#include "worker/state/session_table.hpp"

#include <gtest/gtest.h>

#include "tests/unit/worker/requests.hpp"

namespace trellis {
namespace {

using Verdict = SessionTable::Verdict;

Entry write_of(Identity identity) { return entry_of(EntryKind::kPut, "k", "\x01", identity); }

WriteAnswer answer_of(std::uint64_t version) {
  WriteAnswer answer;
  answer.kind = AnswerKind::kTrue;
  answer.version = version;
  return answer;
}

WriteAnswer document_of(std::size_t size) {
  WriteAnswer answer;
  answer.kind = AnswerKind::kContent;
  answer.content = Frame(std::string(size, 'd'));
  return answer;
}

/// Remembers the write with that answer, which must be new.
void remember(SessionTable& table, Identity identity, const WriteAnswer& answer = answer_of(1)) {
  const Entry entry = write_of(identity);
  const auto finding = table.find(entry);
  ASSERT_EQ(finding.verdict, Verdict::kNew);
  table.remember(entry, finding, answer);
}

Verdict verdict(const SessionTable& table, Identity identity) { return table.find(write_of(identity)).verdict; }

/// What a book holds, as (session, seq, answer's kind).
std::vector<std::tuple<std::string, std::uint64_t, AnswerKind>> content_of(const FrozenBook& frozen) {
  std::vector<std::tuple<std::string, std::uint64_t, AnswerKind>> content;
  frozen.writes.for_each([&](const RememberedWrite& write) {
    content.emplace_back(std::string(write.name.session), write.name.seq, write.answer.kind);
  });
  return content;
}

/// A client's write whose session says that floor.
Identity with_floor(std::string_view session, std::uint64_t seq, std::uint64_t floor) {
  return {session, seq, 0, std::nullopt, floor};
}

TEST(SessionTable, ARepeatedWriteGetsTheFirstAnswer) {
  SessionTable table;
  remember(table, {"a", 7}, answer_of(41));
  const auto finding = table.find(write_of({"a", 7}));
  EXPECT_EQ(finding.verdict, Verdict::kRepeated);
  EXPECT_EQ(finding.answer.version, 41u);
  EXPECT_EQ(finding.answer.kind, AnswerKind::kTrue);
}

TEST(SessionTable, IdentityIsSessionAndSeqAndItemAndWhoseSessionItIs) {
  SessionTable table;
  remember(table, {"a", 7, 0});
  EXPECT_EQ(verdict(table, {"b", 7, 0}), Verdict::kNew);
  EXPECT_EQ(verdict(table, {"a", 8, 0}), Verdict::kNew);
  EXPECT_EQ(verdict(table, {"a", 7, 1}), Verdict::kNew);
  EXPECT_EQ(verdict(table, {"a", 7, 0, 0}), Verdict::kNew) << "a broker session of the same name";
}

TEST(SessionTable, AnotherRequestUnderTheSameIdentityIsTold) {
  SessionTable table;
  remember(table, {"a", 7});
  EXPECT_EQ(table.find(entry_of(EntryKind::kPut, "k", "\x02", {"a", 7})).verdict, Verdict::kOther);
}

TEST(SessionTable, RemembersTheLastWritesAndNoMore) {
  SessionTable table({.writes_max = 1000});
  for (std::uint64_t seq = 0; seq < 5000; ++seq) remember(table, {"a", seq}, answer_of(seq + 1));
  EXPECT_EQ(table.size(), 1000u);
  for (std::uint64_t seq = 0; seq < 5000; ++seq) {
    ASSERT_EQ(verdict(table, {"a", seq}), seq < 4000 ? Verdict::kNew : Verdict::kRepeated) << seq;
  }
  EXPECT_EQ(table.find(write_of({"a", 4000})).answer.version, 4001u);
}

TEST(SessionTable, RemembersAHundredThousandWritesOfAsManySessions) {
  SessionTable table;
  for (std::uint64_t i = 0; i < kRememberedWritesMin; ++i) remember(table, {"session" + std::to_string(i), i});
  for (std::uint64_t i = 0; i < kRememberedWritesMin; ++i) {
    ASSERT_EQ(verdict(table, {"session" + std::to_string(i), i}), Verdict::kRepeated) << i;
  }
}

TEST(SessionTable, ForgetsWhatLiesBelowTheFloorOfABroker) {
  SessionTable table;
  for (std::uint64_t seq = 0; seq < 5000; ++seq) remember(table, {"broker", seq, 0, seq});
  EXPECT_EQ(table.size(), 1u);
}

TEST(SessionTable, NeverAppliesAgainWhatLiesBelowTheFloor) {
  SessionTable table;
  remember(table, {"broker", 10, 0, 5});
  EXPECT_EQ(verdict(table, {"broker", 4, 0, 4}), Verdict::kTooOld);
  EXPECT_EQ(verdict(table, {"broker", 5, 0, 5}), Verdict::kNew);
  EXPECT_EQ(verdict(table, {"broker", 9, 0, 10}), Verdict::kTooOld) << "it says itself that it was answered";
}

TEST(SessionTable, BrokersWritesTakeNoRoomFromThoseOfClients) {
  SessionTable table({.writes_max = 100});
  for (std::uint64_t seq = 0; seq < 100; ++seq) remember(table, {"client", seq});
  for (std::uint64_t seq = 0; seq < 1000; ++seq) remember(table, {"broker", seq, 0, seq});
  remember(table, {"stuck", 0, 0, 0});
  for (std::uint64_t seq = 0; seq < 1000; ++seq) remember(table, {"broker", 1000 + seq, 0, 1000 + seq});
  for (std::uint64_t seq = 0; seq < 100; ++seq) ASSERT_EQ(verdict(table, {"client", seq}), Verdict::kRepeated) << seq;
  EXPECT_LE(table.brokers().writes().size(), 100u) << "what stands behind one that was not answered is bounded too";
}

TEST(SessionTable, AWriteThatWasForgottenIsKnownForOneWhereItsSessionSaysFloors) {
  SessionTable table({.writes_max = 100});
  for (std::uint64_t seq = 1; seq <= 5; ++seq) remember(table, with_floor("a", seq, 1));
  for (std::uint64_t seq = 0; seq < 98; ++seq) remember(table, {"another", seq});
  EXPECT_EQ(verdict(table, with_floor("a", 3, 1)), Verdict::kTooOld);
  EXPECT_EQ(verdict(table, {"a", 3}), Verdict::kTooOld) << "whatever the copy itself says of floors";
  EXPECT_EQ(verdict(table, with_floor("a", 4, 1)), Verdict::kRepeated);
  EXPECT_EQ(verdict(table, with_floor("a", 6, 1)), Verdict::kNew);
  EXPECT_EQ(verdict(table, {"another", 1'000}), Verdict::kNew);
}

TEST(SessionTable, WhatLiesBelowTheFloorMakesRoomAndIsNeverNew) {
  SessionTable table;
  remember(table, with_floor("a", 1, 1));
  EXPECT_EQ(verdict(table, with_floor("a", 1, 1)), Verdict::kRepeated);
  remember(table, with_floor("a", 7, 7));
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(verdict(table, with_floor("a", 1, 1)), Verdict::kTooOld);
  EXPECT_EQ(verdict(table, with_floor("a", 6, 6)), Verdict::kTooOld);
  EXPECT_EQ(verdict(table, with_floor("a", 7, 7)), Verdict::kRepeated);
  EXPECT_EQ(verdict(table, with_floor("a", 8, 7)), Verdict::kNew);
  EXPECT_EQ(verdict(table, with_floor("b", 6, 6)), Verdict::kNew) << "another session";
}

TEST(SessionTable, BehindOneOfASessionWithoutFloorsTheyStay) {
  SessionTable table({.writes_max = 100});
  remember(table, {"another", 1});
  for (std::uint64_t seq = 1; seq <= 50; ++seq) remember(table, with_floor("a", seq, seq));
  EXPECT_EQ(table.size(), 51u);
  EXPECT_EQ(verdict(table, with_floor("a", 3, 3)), Verdict::kRepeated);
  for (std::uint64_t seq = 51; seq <= 100; ++seq) remember(table, with_floor("a", seq, seq));
  EXPECT_EQ(table.size(), 1u) << "the window is full, and the oldest goes";
}

TEST(SessionTable, AFloorDoesNotGoDown) {
  SessionTable table;
  remember(table, with_floor("a", 7, 7));
  remember(table, with_floor("a", 9, 3));
  EXPECT_EQ(verdict(table, with_floor("a", 5, 3)), Verdict::kTooOld);
}

TEST(SessionTable, TheHighestSeqOfAllIsForgottenLikeAnother) {
  SessionTable table({.writes_max = 1});
  remember(table, with_floor("a", UINT64_MAX, 0));
  remember(table, {"another", 1});
  EXPECT_EQ(verdict(table, with_floor("a", UINT64_MAX, 0)), Verdict::kTooOld);
}

TEST(SessionTable, OfASessionWithoutFloorsNothingButTheRememberedWritesIsKnown) {
  SessionTable table({.writes_max = 100});
  remember(table, {"a", 1});
  for (std::uint64_t seq = 0; seq < 100; ++seq) remember(table, {"another", seq});
  EXPECT_EQ(verdict(table, {"a", 1}), Verdict::kNew);
  EXPECT_EQ(table.clients().floors().size(), 0u);
}

TEST(SessionTable, AnItemOfABatchThatWasForgottenClosesItsSeqForItems) {
  SessionTable table({.writes_max = 100});
  Identity item = with_floor("a", 1, 1);
  for (item.item = 0; item.item < 3; ++item.item) remember(table, item);
  for (std::uint64_t seq = 0; seq < 98; ++seq) remember(table, {"another", seq});
  item.item = 0;
  EXPECT_EQ(verdict(table, item), Verdict::kTooOld);
  item.item = 2;
  EXPECT_EQ(verdict(table, item), Verdict::kRepeated);
  item.item = 9;
  EXPECT_EQ(verdict(table, item), Verdict::kTooOld) << "nobody knows whether the BATCH was done in part";
}

TEST(SessionTable, KeepsTheLastSessionsThatSayFloors) {
  SessionTable table({.writes_max = 10, .sessions_max = 3});
  for (const char* session : {"a", "b", "c"}) remember(table, with_floor(session, 5, 5));
  remember(table, with_floor("a", 6, 6));
  remember(table, with_floor("d", 5, 5));
  EXPECT_EQ(table.clients().floors().size(), 3u);
  EXPECT_EQ(verdict(table, with_floor("b", 4, 4)), Verdict::kNew) << "it had not written for the longest";
  EXPECT_EQ(verdict(table, with_floor("a", 4, 4)), Verdict::kTooOld);
  EXPECT_EQ(verdict(table, with_floor("c", 4, 4)), Verdict::kTooOld);
  EXPECT_EQ(verdict(table, {"b", 5}), Verdict::kRepeated) << "what is remembered does not depend on it";
}

TEST(SessionTable, AWriteWithoutAFloorKeepsItsSessionAmongThem) {
  SessionTable table({.writes_max = 10, .sessions_max = 2});
  remember(table, with_floor("a", 5, 5));
  remember(table, with_floor("b", 5, 5));
  remember(table, {"a", 6});
  remember(table, with_floor("c", 5, 5));
  EXPECT_EQ(verdict(table, {"a", 4}), Verdict::kTooOld);
  EXPECT_EQ(verdict(table, {"b", 4}), Verdict::kNew);
}

TEST(SessionTable, KeepsTheFloorsOfAHundredThousandSessions) {
  SessionTable table;
  for (std::uint64_t i = 0; i <= kSessionsWithFloorsMin; ++i) {
    remember(table, with_floor("session" + std::to_string(i), 2, 2));
  }
  EXPECT_EQ(verdict(table, {"session0", 1}), Verdict::kNew);
  for (std::uint64_t i = 1; i <= kSessionsWithFloorsMin; ++i) {
    ASSERT_EQ(verdict(table, {"session" + std::to_string(i), 1}), Verdict::kTooOld) << i;
  }
}

TEST(SessionTable, DoesNotApplyAgainABrokersWriteThatItForgotUnanswered) {
  SessionTable table({.writes_max = 100});
  for (std::uint64_t seq = 0; seq < 150; ++seq) remember(table, {"broker", seq, 0, 0});
  EXPECT_EQ(verdict(table, {"broker", 49, 0, 0}), Verdict::kTooOld);
  EXPECT_EQ(verdict(table, {"broker", 50, 0, 0}), Verdict::kRepeated);
  EXPECT_EQ(verdict(table, {"broker", 150, 0, 0}), Verdict::kNew);
}

TEST(SessionTable, AnAnswerTooLargeToKeepIsDroppedButTheWriteStaysKnown) {
  SessionTable table({.content_size_max = 10});
  remember(table, {"a", 1}, document_of(10));
  remember(table, {"a", 2}, document_of(11));
  EXPECT_EQ(table.find(write_of({"a", 1})).answer.content.size(), 10u);
  EXPECT_EQ(table.find(write_of({"a", 2})).answer.kind, AnswerKind::kDropped);
}

TEST(SessionTable, DropsTheOldestContentsBeyondTheTotalButNoWrite) {
  SessionTable table({.content_total_max = 1000});
  for (std::uint64_t seq = 0; seq < 2000; ++seq) remember(table, {"a", seq}, document_of(10));
  for (std::uint64_t seq = 0; seq < 2000; ++seq) {
    const auto finding = table.find(write_of({"a", seq}));
    ASSERT_EQ(finding.verdict, Verdict::kRepeated);
    ASSERT_EQ(finding.answer.kind, seq < 1900 ? AnswerKind::kDropped : AnswerKind::kContent) << seq;
  }
}

TEST(SessionTable, AFrozenViewStaysAsItWas) {
  SessionTable table({.writes_max = 300, .sessions_max = 100, .content_total_max = 1000});
  for (std::uint64_t seq = 0; seq < 290; ++seq) remember(table, with_floor("a", seq, 0), document_of(10));
  const FrozenSessions frozen = table.freeze();
  const auto before = content_of(frozen.clients);
  const auto floors_before = frozen.clients.floors.in_order();
  ASSERT_EQ(before.size(), 290u);
  for (std::uint64_t seq = 290; seq < 2000; ++seq) {
    remember(table, with_floor("b" + std::to_string(seq), seq, seq), document_of(50));
  }
  EXPECT_EQ(content_of(frozen.clients), before);
  EXPECT_EQ(frozen.clients.floors.in_order(), floors_before);
}

SessionTable restored(const FrozenSessions& frozen, SessionLimits limits) {
  SessionTable table(limits, {frozen.brokers.writes.first(), frozen.clients.writes.first()});
  for (const Owner owner : {Owner::kBroker, Owner::kClient}) {
    const FrozenBook& book = owner == Owner::kBroker ? frozen.brokers : frozen.clients;
    for (const SessionFloor& session : book.floors.in_order()) EXPECT_TRUE(table.book_of(owner).restore(session));
    book.writes.for_each([&](const RememberedWrite& write) { EXPECT_TRUE(table.book_of(owner).restore(write)); });
  }
  return table;
}

TEST(SessionTable, IsTheSameWhenRestored) {
  const SessionLimits limits{.writes_max = 300, .sessions_max = 20, .content_total_max = 1000};
  SessionTable table(limits);
  for (std::uint64_t seq = 0; seq < 777; ++seq) remember(table, {"a", seq}, document_of(1 + seq % 20));
  for (std::uint64_t seq = 0; seq < 100; ++seq) remember(table, {"broker", seq, 0, seq / 2});
  for (std::uint64_t seq = 0; seq < 100; ++seq) {
    remember(table, with_floor("s" + std::to_string(seq * 7 % 31), seq, seq / 2));
  }
  SessionTable again = restored(table.freeze(), limits);
  for (std::uint64_t seq = 777; seq < 1500; ++seq) {
    const std::string session = "s" + std::to_string(seq * 11 % 37);
    for (SessionTable* each : {&table, &again}) {
      remember(*each, {"a", seq}, document_of(1 + seq % 20));
      remember(*each, {"broker", seq, 0, seq / 2});
      remember(*each, with_floor(session, seq, seq / 2));
    }
    for (const auto book : {&FrozenSessions::brokers, &FrozenSessions::clients}) {
      const FrozenBook one = table.freeze().*book;
      const FrozenBook other = again.freeze().*book;
      ASSERT_EQ(content_of(other), content_of(one)) << seq;
      ASSERT_EQ(other.floors.in_order(), one.floors.in_order()) << seq;
    }
  }
}

TEST(SessionTable, RefusesToRestoreWhatCannotHaveBeenFrozen) {
  SessionTable table({.writes_max = 2, .sessions_max = 2, .content_size_max = 10});
  SessionBook& book = table.book_of(Owner::kClient);
  EXPECT_FALSE(book.restore(SessionFloor{"", 0, {}}));
  EXPECT_FALSE(book.restore(SessionFloor{std::string(kSessionSizeMax + 1, 's'), 0, {}}));
  EXPECT_TRUE(book.restore(SessionFloor{std::string(kSessionSizeMax, 's'), 0, {}}));
  EXPECT_FALSE(book.restore(SessionFloor{std::string(kSessionSizeMax, 's'), 0, {}})) << "twice";
  EXPECT_TRUE(book.restore(SessionFloor{"a", 3, 4}));
  EXPECT_FALSE(book.restore(SessionFloor{"b", 3, 4})) << "one too many";
  EXPECT_FALSE(book.restore(RememberedWrite{{"", 1, 0}, 2, answer_of(1)}));
  EXPECT_FALSE(book.restore(RememberedWrite{{"a", 1, kBatchItemsMax}, 2, answer_of(1)}));
  EXPECT_FALSE(book.restore(RememberedWrite{{"a", 1, 0}, 2, document_of(11)}));
  EXPECT_TRUE(book.restore(RememberedWrite{{"a", 1, 0}, 2, answer_of(1)}));
  EXPECT_FALSE(book.restore(RememberedWrite{{"a", 1, 0}, 2, answer_of(1)})) << "twice";
  EXPECT_TRUE(book.restore(RememberedWrite{{"a", 2, 0}, 2, answer_of(1)}));
  EXPECT_FALSE(book.restore(RememberedWrite{{"a", 3, 0}, 2, answer_of(1)})) << "one too many";
}

}  // namespace
}  // namespace trellis
