#include "worker/state/entry.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/worker/requests.hpp"

namespace trellis {
namespace {

std::string encoded(const Entry& entry) {
  std::string bytes(encoded_size(entry), '\0');
  encode(entry, bytes.data());
  return bytes;
}

Entry conditional_put() {
  Entry entry = entry_of(EntryKind::kPut, "user:7",
                         "\xa3"
                         "Ada",
                         {"session", 12, 3, 10});
  entry.if_version = 99;
  entry.fingerprint = fingerprint_of(entry, true);
  return entry;
}

TEST(Entry, ReadsBackAsItWasWritten) {
  const Entry put = conditional_put();
  EXPECT_EQ(*read_entry(encoded(put)), put);
  for (const EntryKind kind : {EntryKind::kDelete, EntryKind::kPop, EntryKind::kGet, EntryKind::kHas}) {
    const Entry entry = entry_of(kind, "k", {}, {"s", UINT64_MAX});
    EXPECT_EQ(*read_entry(encoded(entry)), entry);
  }
}

TEST(Entry, OneWithATimeReadsBackAsItWasWritten) {
  Entry put = conditional_put();
  put.ttl_ms = 60'000;
  put.time = GroupTime{7, 123'456};
  EXPECT_EQ(*read_entry(encoded(put)), put);
  Entry persist = entry_of(EntryKind::kExpire, "k", {}, {"s", 1});
  EXPECT_EQ(*read_entry(encoded(persist)), persist);
  persist.ttl_ms = static_cast<std::uint64_t>(kTtlMax.count());
  EXPECT_FALSE(read_entry(encoded(persist))) << "a time to live, and no time";
  persist.time = GroupTime{1, 2};
  EXPECT_EQ(*read_entry(encoded(persist)), persist);
  ++*persist.ttl_ms;
  EXPECT_FALSE(read_entry(encoded(persist)));
  Entry get = entry_of(EntryKind::kGet, "k", {}, {"s", 1});
  get.time = GroupTime{1, 2};
  EXPECT_FALSE(read_entry(encoded(get)));
}

TEST(Entry, ARemovalOfWhatIsDueReadsBackAndHasNothingElse) {
  const Entry removal = removal_of_due({3, 4'000});
  EXPECT_EQ(*read_entry(encoded(removal)), removal);
  Entry other = removal;
  other.key = "k";
  EXPECT_FALSE(read_entry(encoded(other)));
  other = removal;
  other.seq = kRemovedAtOnceMax + 1;
  EXPECT_FALSE(read_entry(encoded(other)));
  other = removal;
  other.time->ms = kGroupTimeMax + 1;
  EXPECT_FALSE(read_entry(encoded(other)));
}

TEST(Fingerprint, OfWritesThatDifferInTheirTimeToLiveAreDifferent) {
  Entry entry = entry_of(EntryKind::kPut, "k", "\x01", {"s", 1});
  std::set<std::uint64_t> fingerprints{fingerprint_of(entry, false)};
  for (const std::uint64_t ttl_ms : {1, 2, 1000}) {
    entry.ttl_ms = ttl_ms;
    EXPECT_TRUE(fingerprints.insert(fingerprint_of(entry, false)).second) << ttl_ms;
  }
  entry.time = GroupTime{1, 5};
  EXPECT_TRUE(fingerprints.contains(fingerprint_of(entry, false))) << "when it was proposed makes no difference";
}

TEST(Entry, WritesItsOwnSizeAndNoMore) {
  const Entry put = conditional_put();
  std::string bytes(encoded_size(put) + 1, '#');
  encode(put, bytes.data());
  EXPECT_EQ(bytes.back(), '#');
  EXPECT_NE(bytes[bytes.size() - 2], '#');
}

TEST(Entry, EveryTruncationBeforeTheDocumentIsRefused) {
  const Entry put = conditional_put();
  const std::string bytes = encoded(put);
  for (std::size_t size = 0; size <= bytes.size() - put.content.size(); ++size) {
    EXPECT_FALSE(read_entry(std::string_view(bytes).substr(0, size))) << size;
  }
}

TEST(Entry, WhateverBitFlipsItIsReadWithinItsBytesOrRefused) {
  const std::string bytes = encoded(conditional_put());
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    const auto entry = read_entry(flipped);
    if (!entry) continue;
    EXPECT_EQ(encoded(*entry), flipped) << bit;
  }
}

std::vector<Entry> commands_of(const std::string& log_entry) {
  std::vector<Entry> commands;
  CommandReader reader(log_entry);
  while (const auto command = reader.next()) {
    EXPECT_TRUE(*command);
    if (!*command) break;
    EXPECT_EQ(reader.position(), commands.size());
    commands.push_back(**command);
  }
  return commands;
}

std::string encoded(const std::vector<const Entry*>& commands) {
  std::string bytes(encoded_size(commands), '\0');
  encode(commands, bytes.data());
  return bytes;
}

TEST(LogEntry, HoldsOneCommandOrSeveral) {
  const Entry put = conditional_put();
  const Entry pop = entry_of(EntryKind::kPop, "k", {}, {"s", 1});
  EXPECT_EQ(encoded({&put}), encoded(put)) << "one stands alone";
  EXPECT_EQ(commands_of(encoded({&put})), std::vector{put});
  const std::string three = encoded({&put, &pop, &put});
  EXPECT_EQ(commands_of(three), (std::vector{put, pop, put}));
}

TEST(LogEntry, IsReadUpToItsFirstBrokenCommand) {
  const Entry put = conditional_put();
  const std::string whole = encoded({&put, &put});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CommandReader reader(std::string_view(whole).substr(0, size));
    bool is_broken = false;
    int read = 0;
    while (const auto command = reader.next()) {
      ASSERT_FALSE(is_broken) << "nothing is read after an error";
      *command ? void(++read) : void(is_broken = true);
    }
    // It may end between two commands; that it was not cut off there is the log store's to say.
    EXPECT_EQ(is_broken, size != 1 + (whole.size() - 1) / 2) << size;
    EXPECT_EQ(read, size > whole.size() / 2 ? 1 : 0) << size;
  }
}

TEST(LogEntry, HasAtMostSoManyCommands) {
  const Entry pop = entry_of(EntryKind::kPop, "k", {}, {"s", 1});
  const std::string one = encoded({&pop, &pop});
  std::string many(1, '\2');
  for (std::uint32_t i = 0; i <= kCommandsPerEntryMax; ++i) many += one.substr(1, (one.size() - 1) / 2);
  CommandReader reader(many);
  for (std::uint32_t i = 0; i < kCommandsPerEntryMax; ++i) ASSERT_TRUE(*reader.next());
  const auto beyond = reader.next();
  ASSERT_TRUE(beyond);
  EXPECT_FALSE(*beyond);
  EXPECT_FALSE(reader.next());
}

TEST(Entry, OptionsOfAPatchTravelInWiderFlags) {
  Entry patch = entry_of(EntryKind::kPatch, "k", "\x90", {"s", 1});
  EXPECT_EQ(encoded(patch).front(), '\x01') << "as software before these options wrote it";
  patch.if_present = patch.strict = patch.return_document = true;
  EXPECT_EQ(encoded(patch).front(), '\x03');
  EXPECT_EQ(*read_entry(encoded(patch)), patch);
  Entry put = entry_of(EntryKind::kPut, "k", "\xc0", {"s", 1});
  put.strict = true;
  EXPECT_FALSE(read_entry(encoded(put))) << "it belongs to PATCH";
}

TEST(Entry, OptionsThatChangeWhatIsDoneBelongToTheFingerprint) {
  const Entry plain = entry_of(EntryKind::kPatch, "k", "\x90");
  std::set<std::uint64_t> fingerprints = {fingerprint_of(plain, false)};
  for (bool Entry::*option : {&Entry::if_absent, &Entry::if_present, &Entry::strict, &Entry::pointer}) {
    Entry entry = plain;
    entry.*option = true;
    EXPECT_TRUE(fingerprints.insert(fingerprint_of(entry, false)).second);
  }
  Entry entry = plain;
  entry.return_document = true;
  EXPECT_EQ(fingerprint_of(entry, false), fingerprint_of(plain, false)) << "it is what the answer says";
}

TEST(Entry, RefusesConditionsThatDoNotBelongToItsKind) {
  Entry pop = entry_of(EntryKind::kPop, "k", {}, {"s", 1});
  pop.if_version = 3;
  EXPECT_FALSE(read_entry(encoded(pop)));
  Entry put = conditional_put();
  put.if_absent = true;
  EXPECT_FALSE(read_entry(encoded(put)));
}

TEST(Entry, EachCommandOnOneKeyHasAKind) {
  for (const CommandRow& row : command_rows()) {
    if (row.reach != Reach::kOneKey) continue;
    const CommandRow& logged = row_of(command_of(kind_of(row.command)));
    EXPECT_EQ(logged.signature, row.signature) << row.name;
    EXPECT_EQ(logged.effect, row.effect) << row.name;
    EXPECT_EQ(logged.result, row.result) << row.name;
  }
}

TEST(Fingerprint, TellsRequestsApart) {
  const Entry put = entry_of(EntryKind::kPut, "ab", "\x01");
  Entry other = put;
  EXPECT_EQ(fingerprint_of(other, false), fingerprint_of(put, false));
  EXPECT_NE(fingerprint_of(other, true), fingerprint_of(put, false)) << "item 0 of a BATCH";
  other.if_absent = true;
  EXPECT_NE(fingerprint_of(other, false), fingerprint_of(put, false));
  other = put;
  other.if_version = 0;
  EXPECT_NE(fingerprint_of(other, false), fingerprint_of(put, false));
  other = put;
  other.key = "a";
  other.content = "b\x01";
  EXPECT_NE(fingerprint_of(other, false), fingerprint_of(put, false)) << "the parts must not run into each other";
}

TEST(Entry, CarriesTheFloorOfAClientsSession) {
  const Entry entry = entry_of(EntryKind::kPut, "k", "\x01", {"s", 12, 0, std::nullopt, 10});
  ASSERT_TRUE(entry.has_floor);
  const auto read = read_entry(encoded(entry));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->has_floor);
  EXPECT_FALSE(read->broker_session);
  EXPECT_EQ(read->floor, 10u);
}

TEST(Entry, ASessionIsABrokersOrAClients) {
  Entry entry = entry_of(EntryKind::kPut, "k", "\x01", {"s", 12, 0, 10});
  entry.has_floor = true;
  EXPECT_FALSE(read_entry(encoded(entry)));
}

TEST(Fingerprint, IsOfTheDocumentAndNotOfItsPacking) {
  const std::string one =
      "\x82\xa1"
      "a\x01\xa1"
      "b\x02";
  const std::string other = "\xde" + std::string("\x00\x02", 2) +
                            "\xd9\x01"
                            "b\xcc\x02\xa1"
                            "a\xd0\x01";
  EXPECT_EQ(entry_of(EntryKind::kPut, "k", one).fingerprint, entry_of(EntryKind::kPut, "k", other).fingerprint);
  EXPECT_NE(entry_of(EntryKind::kPut, "k", one).fingerprint, entry_of(EntryKind::kPut, "k", "\x80").fingerprint);
}

TEST(Fingerprint, DoesNotDependOnWhoAsks) {
  EXPECT_EQ(entry_of(EntryKind::kPop, "k", {}, {"a", 1, 2, 3}).fingerprint,
            entry_of(EntryKind::kPop, "k", {}, {"b", 4, 5}).fingerprint);
}

}  // namespace
}  // namespace trellis
