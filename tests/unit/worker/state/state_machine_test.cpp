#include "worker/state/state_machine.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "protocol/reply.hpp"
#include "tests/unit/worker/requests.hpp"

namespace trellis {
namespace {

const std::string kAda = packed_text("Ada");
const std::string kBob = packed_text("Bob");

/// The version that the first, second, ... command of a Replica writes.
constexpr std::uint64_t nth(std::uint64_t command) { return version_of({command}, 0); }

/// A state machine whose entries get their indexes one after another.
class Replica {
 public:
  CommandResult apply(const Entry& entry) { return state.apply(LogIndex{++last}, 0, entry); }
  CommandResult put(std::string_view key, std::string_view document, Identity identity = {}) {
    return apply(entry_of(EntryKind::kPut, key, document, identity));
  }
  CommandResult put_if(std::string_view key, std::string_view document, std::uint64_t version) {
    Entry entry = entry_of(EntryKind::kPut, key, document);
    entry.if_version = version;
    return apply(entry);
  }
  CommandResult remove(std::string_view key, std::optional<std::uint64_t> version = std::nullopt) {
    Entry entry = entry_of(EntryKind::kDelete, key);
    entry.if_version = version;
    return apply(entry);
  }
  CommandResult pop(std::string_view key, Identity identity = {}) {
    return apply(entry_of(EntryKind::kPop, key, {}, identity));
  }
  CommandResult get(std::string_view key) const { return state.read(read_of(Command::kGet, key)); }
  CommandResult page(Command command, PageArguments arguments, std::size_t size_max = kPageSizeMax) const {
    Read read;
    read.command = command;
    read.page = arguments;
    read.page_size_max = size_max;
    return state.read(read);
  }

  StateMachine state;
  std::uint64_t last = 0;
};

std::vector<std::string> keys_in(const CommandResult& result) {
  PackedReader reader(result.packed.bytes());
  std::vector<std::string> keys;
  for (auto left = reader.read_array().value(); left > 0; --left) keys.emplace_back(reader.read_bytes().value());
  EXPECT_TRUE(reader.at_end());
  return keys;
}

TEST(StateMachine, EveryReadOfTheTableIsCarriedOut) {
  Replica replica;
  replica.put("a", kAda);
  for (const CommandRow& row : command_rows()) {
    if (row.effect != Effect::kReads || (row.reach != Reach::kOneKey && row.reach != Reach::kPartitions)) continue;
    if (row.command == Command::kCompute) continue;  // The broker's: it asks for what QUERY gives.
    const CommandResult result = replica.state.read(read_of(row.command, "a"));
    EXPECT_EQ(result.status, Code::kOk) << row.name;
  }
}

TEST(StateMachine, PutIsTrueForANewKeyAndFalseForAReplacedOne) {
  Replica replica;
  EXPECT_EQ(replica.put("k", kAda).kind, ResultKind::kTrue);
  const CommandResult again = replica.put("k", kBob);
  EXPECT_EQ(again.kind, ResultKind::kFalse);
  EXPECT_EQ(again.version, nth(2));
  EXPECT_EQ(replica.get("k").packed.bytes(), kBob);
  EXPECT_EQ(replica.get("k").version, nth(2));
}

TEST(StateMachine, IfAbsentHoldsOnlyWhereNothingIs) {
  Replica replica;
  Entry entry = entry_of(EntryKind::kPut, "k", kAda);
  entry.if_absent = true;
  EXPECT_EQ(replica.apply(entry).kind, ResultKind::kTrue);
  const CommandResult refused = replica.apply(entry);
  EXPECT_EQ(refused.status, Code::kAlreadyExists);
  EXPECT_EQ(refused.kind, ResultKind::kNil);
  EXPECT_EQ(refused.message, "the key exists, with version 4096");
  EXPECT_EQ(replica.get("k").version, nth(1));
}

TEST(StateMachine, IfVersionHoldsOnlyForThatVersion) {
  Replica replica;
  EXPECT_EQ(replica.put_if("k", kAda, 0).status, Code::kFailedPrecondition) << "nothing is there";
  replica.put("k", kAda);
  const CommandResult refused = replica.put_if("k", kBob, nth(1));
  EXPECT_EQ(refused.status, Code::kFailedPrecondition);
  EXPECT_EQ(refused.message, "if_version is 4096, but the document has version 8192");
  EXPECT_EQ(replica.put_if("k", kBob, nth(2)).kind, ResultKind::kFalse);
  EXPECT_EQ(replica.get("k").packed.bytes(), kBob);
}

TEST(StateMachine, DeleteTellsWhetherItWasThere) {
  Replica replica;
  EXPECT_EQ(replica.remove("k").kind, ResultKind::kFalse);
  EXPECT_EQ(replica.remove("k", 7).status, Code::kFailedPrecondition);
  EXPECT_EQ(replica.remove("k", 7).message, "if_version is 7, but the key is missing");
  replica.put("k", kAda);
  EXPECT_EQ(replica.remove("k", nth(1)).status, Code::kFailedPrecondition);
  EXPECT_EQ(replica.remove("k", nth(4)).kind, ResultKind::kTrue);
  EXPECT_EQ(replica.get("k").status, Code::kNotFound);
}

TEST(StateMachine, PopRemovesAndReturnsInOneStep) {
  Replica replica;
  EXPECT_EQ(replica.pop("k").status, Code::kNotFound);
  replica.put("k", kAda);
  const CommandResult popped = replica.pop("k");
  EXPECT_EQ(popped.packed.bytes(), kAda);
  EXPECT_EQ(popped.version, nth(2));
  EXPECT_EQ(replica.state.keys(), 0u);
  EXPECT_EQ(replica.state.bytes(), 0u);
}

TEST(StateMachine, ReadsOfOneKeyCarryTheVersionOfItsDocument) {
  Replica replica;
  std::string document;
  PackedWriter(document).map(1).str("list").array(2).natural(1).str("two");
  replica.put("k", document);
  const CommandResult has = replica.state.read(read_of(Command::kHas, "k"));
  EXPECT_EQ(has.kind, ResultKind::kTrue);
  EXPECT_EQ(has.version, nth(1));
  const CommandResult has_not = replica.state.read(read_of(Command::kHas, "other"));
  EXPECT_EQ(has_not.kind, ResultKind::kFalse);
  EXPECT_FALSE(has_not.version);
  Read query = read_of(Command::kQuery, "k");
  query.path = {std::string_view("list"), std::uint64_t{1}};
  EXPECT_EQ(replica.state.read(query).packed.bytes(), packed_text("two"));
  EXPECT_EQ(replica.state.read(query).version, nth(1));
  query.path.emplace_back(std::uint64_t{0});
  EXPECT_EQ(replica.state.read(query).status, Code::kNotFound);
}

TEST(StateMachine, ARepeatedWriteGetsItsFirstReplyToTheLetter) {
  Replica replica;
  std::vector<Entry> entries = {
      entry_of(EntryKind::kPut, "k", kAda, {"s", 1}),  entry_of(EntryKind::kPut, "k", kBob, {"s", 2}),
      entry_of(EntryKind::kPop, "no", {}, {"s", 3}),   entry_of(EntryKind::kDelete, "k", {}, {"s", 4}),
      entry_of(EntryKind::kPut, "k", kAda, {"s", 5}),  entry_of(EntryKind::kGet, "k", {}, {"s", 6, 0}),
      entry_of(EntryKind::kHas, "k", {}, {"s", 6, 1}), entry_of(EntryKind::kPop, "k", {}, {"s", 7}),
      entry_of(EntryKind::kGet, "k", {}, {"s", 8})};
  for (const std::uint64_t wrong : {2, 9}) {
    entries.push_back(entry_of(EntryKind::kPut, wrong == 2 ? "k" : "no", kAda, {"s", 10 + wrong}));
    entries.back().if_version = wrong;
  }
  std::vector<std::string> replies;
  for (const Entry& entry : entries) replies.push_back(pack_reply_frame(1, replica.apply(entry)));
  replica.put("k", kBob);
  replica.put("no", kBob);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(pack_reply_frame(1, replica.apply(entries[i])), replies[i]) << i;
  }
  EXPECT_EQ(replica.get("k").version, nth(entries.size() + 1)) << "nothing was done again";
}

TEST(StateMachine, AnotherRequestUnderAUsedIdentityIsRefused) {
  Replica replica;
  replica.put("k", kAda, {"s", 1});
  const CommandResult refused = replica.put("k", kBob, {"s", 1});
  EXPECT_EQ(refused.status, Code::kFailedPrecondition);
  EXPECT_EQ(refused.exactly_once, ExactlyOnce::kOtherRequest);
  EXPECT_NE(refused.message.find("nothing new was done"), std::string::npos);
  EXPECT_EQ(replica.get("k").packed.bytes(), kAda);
}

TEST(StateMachine, ACopyFromBelowTheFloorIsRefusedAndTheClientToldThatItsOutcomeIsUnknown) {
  Replica replica;
  replica.put("k", kAda, {"s", 7, 0, std::nullopt, 7});
  const CommandResult refused = replica.put("k", kBob, {"s", 6, 0, std::nullopt, 6});
  EXPECT_EQ(refused.status, Code::kFailedPrecondition);
  EXPECT_EQ(refused.exactly_once, ExactlyOnce::kUnknown);
  EXPECT_NE(refused.message.find("outcome unknown"), std::string::npos);
  EXPECT_EQ(replica.get("k").packed.bytes(), kAda);
}

TEST(StateMachine, AConditionThatFailedSaysNothingOfExactlyOnce) {
  Replica replica;
  Entry conditional = entry_of(EntryKind::kPut, "k", kAda, {"s", 1});
  conditional.if_version = 9;
  const CommandResult refused = replica.apply(conditional);
  EXPECT_EQ(refused.status, Code::kFailedPrecondition);
  EXPECT_EQ(refused.exactly_once, ExactlyOnce::kNothing);
}

TEST(StateMachine, ARepeatedPopOfALargeDocumentSaysThatItWasApplied) {
  Replica replica;
  replica.put("k", packed_text(std::string(100'000, 'x')));
  EXPECT_EQ(replica.pop("k", {"s", 1}).packed.size(), 100'005u);
  const CommandResult again = replica.pop("k", {"s", 1});
  EXPECT_EQ(again.status, Code::kFailedPrecondition);
  EXPECT_NE(again.message.find("was applied"), std::string::npos);
}

TEST(StateMachine, AnOwnWriteBelowItsFloorIsNotAppliedAgain) {
  Replica replica;
  replica.put("k", kAda, {"broker", 1, 0, 1});
  replica.put("other", kAda, {"broker", 2, 0, 2});
  replica.remove("k");
  EXPECT_EQ(replica.put("k", kAda, {"broker", 1, 0, 1}).status, Code::kDeadlineExceeded);
  EXPECT_EQ(replica.get("k").status, Code::kNotFound);
}

TEST(StateMachine, PagesComeInByteOrderAndTellWhetherThereIsMore) {
  Replica replica;
  for (const char* key : {"b", "a", "ab", "\xff", "aa", "abc"}) replica.put(key, kAda);
  EXPECT_EQ(keys_in(replica.page(Command::kKeys, {})), (std::vector<std::string>{"a", "aa", "ab", "abc", "b", "\xff"}));
  EXPECT_FALSE(replica.page(Command::kKeys, {}).more);
  const CommandResult first = replica.page(Command::kKeys, {"a", 2, {}});
  EXPECT_EQ(keys_in(first), (std::vector<std::string>{"a", "aa"}));
  EXPECT_TRUE(first.more);
  const CommandResult second = replica.page(Command::kKeys, {"a", 2, "aa"});
  EXPECT_EQ(keys_in(second), (std::vector<std::string>{"ab", "abc"}));
  EXPECT_FALSE(second.more) << "b does not begin with a";
  EXPECT_EQ(keys_in(replica.page(Command::kKeys, {"", 10, "abb"})), (std::vector<std::string>{"abc", "b", "\xff"}));
  EXPECT_EQ(keys_in(replica.page(Command::kKeys, {"ab", 10, "a"})), (std::vector<std::string>{"ab", "abc"}));
  EXPECT_TRUE(keys_in(replica.page(Command::kKeys, {"x", 10, {}})).empty());
  EXPECT_EQ(replica.page(Command::kCount, {"ab", 1, {}}).number, 2u);
  EXPECT_EQ(replica.page(Command::kCount, {}).number, 6u);
}

TEST(StateMachine, AKeyIsStrWhereItIsTextAndBinElsewhere) {
  Replica replica;
  replica.put("text", kAda);
  replica.put("\xff", kAda);
  const CommandResult keys = replica.page(Command::kKeys, {});
  PackedReader reader(keys.packed.bytes());
  reader.read_array();
  EXPECT_EQ(reader.next()->type, PackedType::kStr);
  EXPECT_EQ(reader.next()->type, PackedType::kBin);
}

TEST(StateMachine, APageEndsAtItsSizeButHoldsOneRecordAtLeast) {
  Replica replica;
  const std::string document = packed_text(std::string(100, 'x'));
  for (int i = 10; i < 60; ++i) replica.put("key" + std::to_string(i), document);
  const std::size_t record = 5 + document.size();
  const auto records = [&](std::size_t size_max) {
    const CommandResult page = replica.page(Command::kScan, {}, size_max);
    EXPECT_TRUE(page.more);
    return PackedReader(page.packed.bytes()).read_array().value();
  };
  EXPECT_EQ(records(1), 1u);
  EXPECT_EQ(records(20 * record), 20u);
  EXPECT_EQ(records(20 * record - 1), 19u);
  EXPECT_EQ(records(15 * record), 15u);
  EXPECT_EQ(records(16 * record), 16u);
}

TEST(StateMachine, ALogHasReadsToo) {
  Replica replica;
  std::string document;
  PackedWriter(document).map(1).str("a").natural(1);
  std::string arguments;
  PackedWriter(arguments).array(1).array(2).str("k").str("a");
  EXPECT_EQ(replica.apply(entry_of(EntryKind::kQuery, "k", arguments, {"s", 1})).status, Code::kNotFound);
  replica.put("k", document);
  const CommandResult query = replica.apply(entry_of(EntryKind::kQuery, "k", arguments, {"s", 2}));
  EXPECT_EQ(query.packed.bytes(), "\x01");
  EXPECT_EQ(query.version, nth(2));
  EXPECT_EQ(replica.apply(entry_of(EntryKind::kGet, "k", {}, {"s", 3})).packed.bytes(), document);
  EXPECT_EQ(replica.apply(entry_of(EntryKind::kHas, "k", {}, {"s", 4})).kind, ResultKind::kTrue);
}

TEST(CommandResult, IsPackedAsTheProtocolSays) {
  Replica replica;
  replica.put("k", kAda);
  const std::string frame = pack_reply_frame(77, replica.get("k"));
  const auto reply = read_reply(frame);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->id, 77u);
  EXPECT_EQ(reply->status, Code::kOk);
  EXPECT_EQ(reply->result, kAda);
  EXPECT_EQ(reply->info.version, nth(1));
  const std::string refused = pack_reply_frame(0, replica.get("x"));
  EXPECT_EQ(read_reply(refused)->status, Code::kNotFound);
  EXPECT_FALSE(read_reply(refused)->info.message.empty());
  std::string item;
  pack_batch_item(item, 9999, replica.get("k"));
  PackedReader reader(item);
  EXPECT_EQ(reader.read_array(), 4u);
  EXPECT_EQ(reader.read_uint(), 9999u);
  EXPECT_EQ(reader.read_str(), "OK");
}

TEST(StateMachine, TheCommandsOfOneLogEntryWriteVersionsOfTheirOwn) {
  StateMachine state;
  const Entry put = entry_of(EntryKind::kPut, "k", kAda);
  EXPECT_EQ(state.apply({7}, 0, put).version, version_of({7}, 0));
  EXPECT_EQ(state.apply({7}, 1, put).version, version_of({7}, 1));
  Entry conditional = put;
  conditional.if_version = version_of({7}, 0);
  EXPECT_EQ(state.apply({7}, 2, conditional).status, Code::kFailedPrecondition) << "the second one came between";
  conditional.if_version = version_of({7}, 1);
  EXPECT_EQ(state.apply({8}, 0, conditional).version, version_of({8}, 0));
  EXPECT_LT(version_of({7}, kCommandsPerEntryMax - 1), version_of({8}, 0));
}

// --- QUERY into large documents ---

std::string large_map(std::string_view value) {
  std::string out;
  PackedWriter writer(out);
  writer.map(2'000);
  for (int i = 0; i < 2'000; ++i) writer.str("field" + std::to_string(i)).packed(value);
  return out;
}

std::optional<std::string> query(const Replica& replica, std::string_view key, Path path) {
  Read read;
  read.command = Command::kQuery;
  read.key = key;
  read.path = std::move(path);
  const CommandResult result = replica.state.read(read);
  if (result.status != Code::kOk) return std::nullopt;
  return std::string(result.packed.bytes());
}

TEST(StateMachine, QueriesOfALargeDocumentUseOneIndexAndSeeEachReplacement) {
  Replica replica;
  replica.put("large", large_map(kAda));
  replica.put("small", kBob);
  EXPECT_EQ(query(replica, "small", {}), kBob);
  EXPECT_EQ(replica.state.indexes().count(), 0u);
  for (const char* field : {"field0", "field1000", "field1999"}) EXPECT_EQ(query(replica, "large", {field}), kAda);
  EXPECT_EQ(query(replica, "large", {"field2000"}), std::nullopt);
  EXPECT_EQ(replica.state.indexes().count(), 1u);

  // A document of the same size takes the same place in the trie.
  replica.put("large", large_map(kBob));
  EXPECT_EQ(replica.state.indexes().count(), 0u);
  EXPECT_EQ(query(replica, "large", {"field1999"}), kBob);
  replica.remove("large");
  EXPECT_EQ(replica.state.indexes().bytes(), 0u);
  EXPECT_EQ(query(replica, "large", {"field1999"}), std::nullopt);
}

TEST(StateMachine, AQueryDoesNotDisturbAFrozenView) {
  Replica replica;
  const std::string before = large_map(kAda);
  replica.put("large", before);
  const FrozenState frozen = replica.state.freeze();
  EXPECT_EQ(query(replica, "large", {"field7"}), kAda);
  replica.put("large", large_map(kBob));
  EXPECT_EQ(query(replica, "large", {"field7"}), kBob);
  EXPECT_EQ(frozen.documents.find("large")->document, before);
}

TEST(DocumentIndexes, ThoseNotUsedForLongestAreDroppedBeyondTheBound) {
  const std::string document = large_map(kAda);
  const std::size_t size = FieldIndex::build(document, 0)->size();
  DocumentIndexes indexes(0, 2 * size);
  Effort effort = 0;
  const auto walk = [&](std::uint64_t version) {
    ASSERT_EQ(indexes.walk(version, document, {"field5"}, 0, effort), kAda);
  };
  for (const std::uint64_t version : {1, 2, 1, 3}) walk(version);
  EXPECT_EQ(indexes.count(), 2u);
  EXPECT_EQ(indexes.bytes(), 2 * size);
  const Effort without_building = [&] {
    const Effort before = effort;
    walk(1);
    return effort - before;
  }();
  EXPECT_LT(without_building, 5'000u);
  const Effort before = effort;
  walk(2);
  EXPECT_GT(effort - before, document.size());
}

TEST(StateMachine, ALoggedReadOfALargeDocumentIsAnsweredAndNotKept) {
  Replica replica;
  const std::string document = large_map(std::string(1, '\xda') + std::string("\x00\x40", 2) + std::string(64, 'x'));
  ASSERT_GT(document.size(), SessionLimits().content_size_max);
  replica.put("large", document);
  const Identity identity{"s", 1};
  const Entry get = entry_of(EntryKind::kGet, "large", {}, identity);
  EXPECT_EQ(replica.apply(get).packed.bytes(), document);
  replica.put("large", kBob);
  EXPECT_EQ(replica.apply(get).status, Code::kFailedPrecondition);  // It was applied; its reply was too large to keep.
  const Entry small = entry_of(EntryKind::kGet, "large", {}, {"s", 2});
  EXPECT_EQ(replica.apply(small).packed.bytes(), kBob);
  replica.put("large", kAda);
  EXPECT_EQ(replica.apply(small).packed.bytes(), kBob);
}

std::string increment_of(std::string_view name, std::int64_t by) {
  std::string operations;
  PackedWriter(operations).array(1).array(3).str("increment").array(1).str(name).integer(by);
  return operations;
}

TEST(StateMachine, PatchChangesADocumentOnceHoweverOftenItIsSent) {
  Replica replica;
  const std::string by_two = increment_of("n", 2);
  const Entry patch = entry_of(EntryKind::kPatch, "k", by_two, {"s", 1});
  const CommandResult first = replica.apply(patch);
  EXPECT_EQ(first.packed.bytes(), "\x91\x02");
  EXPECT_EQ(first.version, nth(1));
  const CommandResult again = replica.apply(patch);
  EXPECT_EQ(pack_reply_frame(7, again), pack_reply_frame(7, first));
  EXPECT_EQ(replica.get("k").packed.bytes(), "\x81\xa1n\x02");
  const std::string by_three = increment_of("n", 3);
  EXPECT_EQ(replica.apply(entry_of(EntryKind::kPatch, "k", by_three, {"s", 1})).exactly_once,
            ExactlyOnce::kOtherRequest);
}

TEST(StateMachine, PatchThatFailsChangesNothingAndSaysTheSameAgain) {
  Replica replica;
  replica.put("k", kAda);
  const std::string operations = increment_of("n", 1);
  const Entry patch = entry_of(EntryKind::kPatch, "k", operations, {"s", 1});
  const CommandResult first = replica.apply(patch);
  EXPECT_EQ(first.status, Code::kFailedPrecondition);
  EXPECT_EQ(first.message, "operation 1 (increment) at k.n: a string is at k, and a path leads into lists and maps");
  EXPECT_EQ(first.exactly_once, ExactlyOnce::kNothing);
  replica.put("k", "\x80");
  EXPECT_EQ(pack_reply_frame(7, replica.apply(patch)), pack_reply_frame(7, first));
  EXPECT_EQ(replica.get("k").packed.bytes(), "\x80");
}

TEST(StateMachine, PatchOfNothingWritesNothing) {
  Replica replica;
  replica.put("k", "\x80");
  std::string operations;
  PackedWriter(operations).array(1).array(2).str("remove").array(1).str("a");
  EXPECT_EQ(replica.apply(entry_of(EntryKind::kPatch, "k", operations)).version, nth(1));
  EXPECT_EQ(replica.get("k").version, nth(1));
  EXPECT_EQ(replica.apply(entry_of(EntryKind::kPatch, "no", operations)).version, std::nullopt);
  EXPECT_FALSE(replica.state.documents().contains("no"));
}

TEST(StateMachine, PatchReturnsTheDocumentWhereThatIsAsked) {
  Replica replica;
  const std::string operations = increment_of("n", 1);
  Entry patch = entry_of(EntryKind::kPatch, "k", operations, {"s", 1});
  patch.return_document = true;
  EXPECT_EQ(replica.apply(patch).packed.bytes(), "\x81\xa1n\x01");
  replica.remove("k");
  EXPECT_EQ(replica.apply(patch).packed.bytes(), "\x81\xa1n\x01") << "remembered, not looked up";
}

TEST(StateMachine, IfPresentWritesOnlyWhatIsThere) {
  Replica replica;
  Entry put = entry_of(EntryKind::kPut, "k", kAda);
  put.if_present = true;
  EXPECT_EQ(replica.apply(put).status, Code::kNotFound);
  const std::string operations = increment_of("n", 1);
  Entry patch = entry_of(EntryKind::kPatch, "k", operations);
  patch.if_present = true;
  EXPECT_EQ(replica.apply(patch).status, Code::kNotFound);
  replica.put("k", kBob);
  EXPECT_EQ(replica.apply(put).status, Code::kOk);
  EXPECT_EQ(replica.get("k").packed.bytes(), kAda);
}

}  // namespace
}  // namespace trellis
