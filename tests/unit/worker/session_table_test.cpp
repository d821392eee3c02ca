#include "worker/session_table.hpp"

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
  table.remember(entry, finding.hash, answer);
}

Verdict verdict(const SessionTable& table, Identity identity) { return table.find(write_of(identity)).verdict; }

/// What a frozen view holds, as (session, seq, answer's kind).
std::vector<std::tuple<std::string, std::uint64_t, AnswerKind>> content_of(const FrozenSessions& frozen) {
  std::vector<std::tuple<std::string, std::uint64_t, AnswerKind>> content;
  frozen.for_each([&](const RememberedWrite& write) {
    content.emplace_back(std::string(write.session), write.seq, write.answer.kind);
  });
  return content;
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
  EXPECT_EQ(verdict(table, {"a", 7, 0, 0}), Verdict::kNew) << "a broker's own session of the same name";
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
  EXPECT_EQ(verdict(table, {"broker", 10, 0, 11}), Verdict::kTooOld) << "it says itself that it was answered";
}

TEST(SessionTable, KeepsAFloorWhileOneOfTheLastWritesIsOfItsSession) {
  SessionTable table({.writes_max = 100});
  remember(table, {"broker", 10, 0, 5});
  for (std::uint64_t seq = 0; seq < 99; ++seq) remember(table, {"client", seq});
  EXPECT_EQ(verdict(table, {"broker", 4, 0, 4}), Verdict::kTooOld);
  for (std::uint64_t seq = 99; seq < 101; ++seq) remember(table, {"client", seq});
  EXPECT_EQ(verdict(table, {"broker", 4, 0, 4}), Verdict::kNew);
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
  SessionTable table({.writes_max = 300, .content_total_max = 1000});
  for (std::uint64_t seq = 0; seq < 290; ++seq) remember(table, {"a", seq}, document_of(10));
  const FrozenSessions frozen = table.freeze();
  const auto before = content_of(frozen);
  ASSERT_EQ(before.size(), 290u);
  for (std::uint64_t seq = 290; seq < 2000; ++seq) remember(table, {"b", seq}, document_of(50));
  EXPECT_EQ(content_of(frozen), before);
}

TEST(SessionTable, IsTheSameWhenRestored) {
  SessionTable table({.writes_max = 300, .content_total_max = 1000});
  for (std::uint64_t seq = 0; seq < 777; ++seq) remember(table, {"a", seq}, document_of(1 + seq % 20));
  for (std::uint64_t seq = 0; seq < 100; ++seq) remember(table, {"broker", seq, 0, seq / 2});
  const FrozenSessions frozen = table.freeze();
  auto restored = SessionTable::begin_restore(frozen.first(), frozen.first() + frozen.size(), frozen.own_sessions(),
                                              {.writes_max = 300, .content_total_max = 1000});
  ASSERT_TRUE(restored);
  frozen.for_each([&](const RememberedWrite& write) { ASSERT_TRUE(restored->restore(write)); });
  for (std::uint64_t seq = 777; seq < 1500; ++seq) {
    remember(table, {"a", seq}, document_of(1 + seq % 20));
    remember(*restored, {"a", seq}, document_of(1 + seq % 20));
    ASSERT_EQ(content_of(restored->freeze()), content_of(table.freeze())) << seq;
    ASSERT_EQ(restored->freeze().own_sessions(), table.freeze().own_sessions()) << seq;
  }
}

TEST(SessionTable, RefusesToRestoreWhatCannotHaveBeenFrozen) {
  EXPECT_FALSE(SessionTable::begin_restore(0, kRememberedWritesMin + 1, {}));
  EXPECT_FALSE(SessionTable::begin_restore(5, 4, {}));
  EXPECT_FALSE(SessionTable::begin_restore(0, 1, {{"broker", 0, 0, 1}})) << "a write from beyond";
  auto table = SessionTable::begin_restore(0, 2, {{"broker", 0, 0, 0}});
  ASSERT_TRUE(table);
  EXPECT_FALSE(table->restore({"", false, 0, 1, 2, answer_of(1)}));
  EXPECT_FALSE(table->restore({"another", true, 0, 1, 2, answer_of(1)}));
  EXPECT_TRUE(table->restore({"broker", true, 0, 1, 2, answer_of(1)}));
  EXPECT_FALSE(table->restore({"broker", true, 0, 2, 2, answer_of(1)})) << "after the session's last write";
  EXPECT_TRUE(table->restore({"a", false, 0, 1, 2, answer_of(1)}));
  EXPECT_FALSE(table->restore({"a", false, 0, 1, 2, answer_of(1)})) << "twice";
}

}  // namespace
}  // namespace trellis
