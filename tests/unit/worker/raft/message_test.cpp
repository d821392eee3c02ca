// What peers say about a log is checked before the library sees it: Debian builds that without its assertions.
#include "worker/raft/message.hpp"

#include <gtest/gtest.h>

#include "protocol/cluster/bundle.hpp"
#include "worker/raft/log_records.hpp"

namespace trellis {
namespace {

constexpr ReplicaPlace kPeer{{7}, {107}};
constexpr ReplicaId kSelf{8};
constexpr std::uint8_t kCommand = 1;
constexpr std::uint8_t kConfiguration = 3;

RaftMessage append_of(std::initializer_list<std::uint64_t> terms) {
  RaftMessage message;
  message.kind = RaftMessageKind::kAppendEntries;
  message.group = {3};
  message.from = kPeer;
  message.to = kSelf;
  message.term = 5;
  message.index = 10;
  message.log_term = 4;
  message.other = 9;
  std::string body;
  for (const std::uint64_t term : terms) {
    pack_entry(body, term, kCommand, "payload " + std::to_string(term));
    ++message.entries;
  }
  message.body = Frame(std::move(body));
  return message;
}

records::SnapshotRecord sample_record() {
  return {20, 4, 1, {{kPeer, 1}, {{{8}, {108}}, 1}, {{{9}, {109}}, 1}}, "the descriptor"};
}

RaftMessage install_of(const records::SnapshotRecord& record) {
  RaftMessage message;
  message.kind = RaftMessageKind::kInstallSnapshot;
  message.from = kPeer;
  message.to = kSelf;
  message.term = 5;
  message.index = 20;
  message.log_term = 4;
  message.other = 1;
  message.body = Frame(pack(record));
  return message;
}

RaftMessage vote_request() {
  RaftMessage message;
  message.kind = RaftMessageKind::kRequestVote;
  message.from = kPeer;
  message.to = kSelf;
  message.term = 6;
  message.index = 11;
  message.log_term = 4;
  message.other = kPeer.id.value;
  message.disrupt_leader = true;
  message.pre_vote = 1;
  return message;
}

Result<RaftMessage> sent(const RaftMessage& message) {
  return read_raft_message(message.from.worker, pack_head(message), message.body);
}

void expect_same(const RaftMessage& left, const RaftMessage& right) {
  EXPECT_EQ(pack_head(left), pack_head(right));
  EXPECT_EQ(left.from, right.from);
  EXPECT_EQ(left.body.bytes(), right.body.bytes());
}

TEST(RaftMessage, ArrivesAsItWasSent) {
  for (const RaftMessage& message :
       {append_of({4, 4, 5}), append_of({}), install_of(sample_record()), vote_request()}) {
    const auto read = sent(message);
    ASSERT_TRUE(read) << read.error().message;
    expect_same(*read, message);
  }
}

TEST(RaftMessage, GivesItsEntriesOneByOne) {
  const auto read = sent(append_of({4, 5}));
  ASSERT_TRUE(read);
  std::string_view body = read->body.bytes();
  const RaftEntryView first = take_entry(body);
  EXPECT_EQ(first.term, 4u);
  EXPECT_EQ(first.type, kCommand);
  EXPECT_EQ(first.payload, "payload 4");
  EXPECT_EQ(take_entry(body).payload, "payload 5");
  EXPECT_TRUE(body.empty());
}

TEST(RaftMessage, CutOffAnywhereIsRefused) {
  for (const RaftMessage& message : {append_of({4, 4, 5}), install_of(sample_record()), vote_request()}) {
    const std::string head = pack_head(message);
    for (std::size_t size = 0; size < head.size(); ++size) {
      EXPECT_FALSE(read_raft_message(kPeer.worker, std::string_view(head).substr(0, size), message.body)) << size;
    }
    EXPECT_FALSE(read_raft_message(kPeer.worker, head + '\0', message.body));
    for (std::size_t size = 0; size < message.body.size(); ++size) {
      EXPECT_FALSE(read_raft_message(kPeer.worker, head, message.body.slice(0, size))) << size;
    }
    EXPECT_FALSE(read_raft_message(kPeer.worker, head, Frame(std::string(message.body.bytes()) + '\0')));
  }
}

TEST(RaftMessage, AChangedByteIsRefusedOrAnotherSoundMessage) {
  for (const RaftMessage& message : {append_of({4, 4, 5}), install_of(sample_record()), vote_request()}) {
    const std::string head = pack_head(message);
    const std::string body(message.body.bytes());
    for (std::size_t at = 0; at < head.size() + body.size(); ++at) {
      for (const int change : {1, 0x80, 0xff}) {
        std::string mutated = head + body;
        mutated[at] = static_cast<char>(mutated[at] ^ change);
        const auto read =
            read_raft_message(kPeer.worker, mutated.substr(0, head.size()), Frame(mutated.substr(head.size())));
        if (!read) continue;
        // Whatever passes can be walked: nothing behind it checks again.
        std::string_view entries = read->body.bytes();
        for (std::uint32_t i = 0; i < read->entries; ++i) EXPECT_GT(take_entry(entries).term, 0u);
        EXPECT_LE(read->index, 1ull << 62);
        EXPECT_LE(read->term, 1ull << 62);
      }
    }
  }
}

TEST(RaftMessage, AForgedCountOfEntriesIsRefusedAtOnce) {
  RaftMessage message = append_of({4});
  message.entries = ~0u;
  EXPECT_FALSE(sent(message));
  message.entries = 0;
  EXPECT_FALSE(sent(message));
}

TEST(RaftMessage, EntriesWhoseTermsGoBackAreRefused) {
  EXPECT_FALSE(sent(append_of({5, 4})));
  EXPECT_FALSE(sent(append_of({3}))) << "below the term of the entry before";
  EXPECT_FALSE(sent(append_of({6}))) << "beyond the leader's own term";
  EXPECT_FALSE(sent(append_of({0})));
}

/// As the library writes one: two voters, the second on the worker of that name.
std::string configuration_with(std::uint64_t second_id, std::string_view second_worker) {
  std::string entry;
  FieldWriter fields(entry);
  fields.u8(1).u64(2);
  fields.u64(7).raw(to_string(kPeer.worker)).u8(0).u8(1);
  fields.u64(second_id).raw(second_worker).u8(0).u8(1);
  return entry;
}

TEST(RaftMessage, AConfigurationNamesReplicasAndTheirWorkers) {
  const auto is_taken = [](const std::string& configuration) {
    RaftMessage message = append_of({});
    std::string body;
    pack_entry(body, 4, kConfiguration, configuration);
    message.entries = 1;
    message.body = Frame(body);
    return bool(sent(message));
  };
  EXPECT_TRUE(is_taken(configuration_with(8, "000000000000006c")));
  EXPECT_FALSE(is_taken("configuration"));
  EXPECT_FALSE(is_taken(configuration_with(8, "nobody"))) << "no worker";
  EXPECT_FALSE(is_taken(configuration_with(7, "000000000000006c"))) << "one replica twice";
  EXPECT_FALSE(is_taken(configuration_with(8, to_string(kPeer.worker)))) << "two on one worker";
}

TEST(RaftMessage, AReplicaWithoutAnIdIsRefused) {
  RaftMessage message = append_of({4});
  message.to = {};
  EXPECT_FALSE(sent(message));
  message.to = kSelf;
  message.from.id = {};
  EXPECT_FALSE(sent(message));
}

TEST(RaftMessage, NumbersNearTheEndOfTheirRangeAreRefused) {
  for (auto field : {&RaftMessage::term, &RaftMessage::index, &RaftMessage::log_term, &RaftMessage::other}) {
    RaftMessage message = append_of({});
    message.*field = ~0ull;
    EXPECT_FALSE(sent(message));
  }
}

TEST(RaftMessage, ASnapshotThatIsNotWhatItsHeadSaysIsRefused) {
  auto record = sample_record();
  record.index = ~0ull;
  EXPECT_FALSE(sent(install_of(record)));
  record = sample_record();
  record.term = 3;
  EXPECT_FALSE(sent(install_of(record)));
  record = sample_record();
  record.configuration.clear();
  EXPECT_FALSE(sent(install_of(record)));
  record = sample_record();
  record.configuration_index = 21;
  EXPECT_FALSE(sent(install_of(record)));
}

TEST(RaftMessage, AVoteIsAskedForOneselfAlone) {
  RaftMessage message = vote_request();
  message.other = 8;
  EXPECT_FALSE(sent(message));
  message.other = 0;
  EXPECT_FALSE(sent(message));
}

TEST(RaftMessage, ABodyWhereNoneBelongsIsRefused) {
  RaftMessage message = vote_request();
  message.body = Frame("body");
  EXPECT_FALSE(sent(message));
  message = vote_request();
  message.entries = 1;
  EXPECT_FALSE(sent(message));
}

}  // namespace
}  // namespace trellis
