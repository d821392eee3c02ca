// Single values of a large document, changed time after time.
#include <gtest/gtest.h>

#include <random>

#include "protocol/patch/patcher.hpp"
#include "tests/unit/worker/requests.hpp"
#include "worker/state/state_machine.hpp"

namespace trellis {
namespace {

constexpr int kFields = 2'000;

std::string counters() {
  std::string out;
  PackedWriter writer(out);
  writer.map(kFields + 1);
  for (int i = 0; i < kFields; ++i) writer.str("field" + std::to_string(i)).natural(0);
  writer.str("list").array(3).natural(1).natural(2).natural(3);
  return out;
}

std::string operation(std::string_view name, std::string_view field, std::string_view value) {
  std::string out;
  PackedWriter(out).array(1).array(3).str(name).array(1).str(field).packed(value);
  return out;
}

class PatchedInPlace : public ::testing::Test {
 protected:
  PatchedInPlace() { apply(EntryKind::kPut, counters()); }

  CommandResult apply(EntryKind kind, std::string_view content) {
    return state.apply(LogIndex{++last}, 0, entry_of(kind, "k", content));
  }
  CommandResult increment(std::string_view field) {
    return apply(EntryKind::kPatch, operation("increment", field, "\x01"));
  }
  std::string document() const { return std::string(state.documents().find("k")->document); }
  std::string query(std::string_view field) const {
    Read read;
    read.command = Command::kQuery;
    read.key = "k";
    read.path = {field};
    return std::string(state.read(read).packed.bytes());
  }

  StateMachine state;
  std::uint64_t last = 0;
};

TEST_F(PatchedInPlace, ALargeDocumentIsWalkedTheFirstTimesAndThenNoMore) {
  const Effort first = increment("field1999").effort;
  increment("field1999");
  EXPECT_EQ(state.indexes().count(), 1u);
  const CommandResult third = increment("field1999");
  EXPECT_EQ(third.packed.bytes(), "\x91\x03");
  EXPECT_EQ(third.version, version_of({last}, 0));
  EXPECT_LT(10 * third.effort, first);
  EXPECT_EQ(query("field1999"), "\x03");
  EXPECT_EQ(state.indexes().count(), 1u) << "it belongs to the document as it is now";
}

TEST_F(PatchedInPlace, AFrozenViewKeepsWhatItSaw) {
  for (int i = 0; i < 3; ++i) increment("field7");
  const std::string before = document();
  const FrozenState frozen = state.freeze();
  increment("field7");
  increment("field8");
  EXPECT_EQ(frozen.documents.find("k")->document, before);
  EXPECT_EQ(query("field7"), "\x04");
  EXPECT_EQ(query("field8"), "\x01");
}

TEST_F(PatchedInPlace, ItsTimeGoesWithIt) {
  for (int i = 0; i < 3; ++i) increment("field7");
  const std::string content = operation("increment", "field7", "\x01");
  Entry entry = entry_of(EntryKind::kPatch, "k", content);
  entry.ttl_ms = 1'000;
  entry.time = GroupTime{1, 5'000};
  state.apply(LogIndex{++last}, 0, entry);
  EXPECT_EQ(state.documents().find("k")->deadline, 6'000u);
  EXPECT_FALSE(state.deadlines().empty());
  increment("field7");
  EXPECT_EQ(state.documents().find("k")->deadline, 6'000u) << "PATCH keeps what was set";
  EXPECT_EQ(query("field7"), "\x05");
}

/// Whichever way is taken, document and answer are the same.
TEST_F(PatchedInPlace, IsWhatThePatcherMakesOfIt) {
  std::mt19937 random(7);
  std::string expected = counters();
  for (int i = 0; i < 3'000; ++i) {
    const std::string field = random() % 50 == 0 ? "list" : "field" + std::to_string(random() % 5);
    std::string content;
    switch (random() % 40) {
      case 0: content = operation("append", "list", "\x07"); break;
      case 1: content = operation("set", field, "\xa1x"); break;
      case 2: content = operation("set", field, "\x01"); break;
      case 3: content = operation("replace", "nowhere", "\x01"); break;
      default: content = operation("increment", field, "\x05");
    }
    const auto operations = read_operations(content, Dialect::kOwn);
    Patcher patcher({"k", expected, *operations, Dialect::kOwn, false});
    const auto done = patcher.run();
    const CommandResult result = apply(EntryKind::kPatch, content);
    ASSERT_EQ(result.status == Code::kOk, static_cast<bool>(done)) << i;
    if (!done) {
      ASSERT_EQ(result.message, done.error().message) << i;
      continue;
    }
    ASSERT_EQ(result.packed.bytes(), patcher.results()) << i;
    std::string after;
    for (const std::string_view part : patcher.document()) after.append(part);
    expected = std::move(after);
    ASSERT_EQ(document(), expected) << i;
    if (i % 7 == 0) {
      ASSERT_EQ(query("field3"), std::string(*walk(expected, {"field3"}))) << i;
    }
  }
}

}  // namespace
}  // namespace trellis
