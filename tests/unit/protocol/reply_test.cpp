#include "protocol/reply.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/packed.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

using ::testing::ElementsAre;

Reply full_reply() {
  Reply reply;
  reply.id = INT64_MAX;
  reply.status = Code::kUnavailable;
  reply.result = "\x92\x01\x02";
  reply.info.message = "nobody is up";
  reply.info.version = UINT64_MAX;
  reply.info.more = true;
  reply.info.guaranteed = false;
  reply.info.warnings = {"one", "two"};
  reply.info.missing_partitions = {0, 1023};
  return reply;
}

TEST(Reply, ComesBackAsItWasPacked) {
  const std::string frame = pack_reply(full_reply());
  const auto reply = read_reply(frame);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->id, static_cast<std::uint64_t>(INT64_MAX));
  EXPECT_EQ(reply->status, Code::kUnavailable);
  EXPECT_EQ(reply->result, "\x92\x01\x02");
  EXPECT_EQ(reply->info.message, "nobody is up");
  EXPECT_EQ(reply->info.version, UINT64_MAX);
  EXPECT_TRUE(reply->info.more);
  EXPECT_FALSE(reply->info.guaranteed);
  EXPECT_THAT(reply->info.warnings, ElementsAre("one", "two"));
  EXPECT_THAT(reply->info.missing_partitions, ElementsAre(0, 1023));
}

TEST(Reply, LeavesOutWhatSaysNothing) {
  Reply reply;
  reply.id = 7;
  // [1, 7, "OK", nil, {}]
  EXPECT_EQ(pack_reply(reply), std::string("\x95\x01\x07\xa2OK\xc0\x80"));
}

TEST(Reply, OfAnErrorHasItsMessageAndNoResult) {
  const std::string frame = pack_error(3, {Code::kNotFound, "nothing is stored at k"});
  const auto reply = read_reply(frame);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, Code::kNotFound);
  EXPECT_EQ(reply->result, "\xc0");
  EXPECT_EQ(reply->info.message, "nothing is stored at k");
}

std::string message_sent(const std::string& message) {
  const std::string frame = pack_error(3, {Code::kInternal, message});
  return read_reply(frame)->info.message;
}

TEST(Reply, SendsAMessageAsOneLineOfTextWhateverItHolds) {
  EXPECT_EQ(message_sent("x: \"quoted\" \xce\xb1"), "x: \"quoted\" \xce\xb1");
  EXPECT_EQ(message_sent("good\xff"), "good\\xff");
  EXPECT_EQ(message_sent("two\nlines"), "two\\nlines");
  EXPECT_EQ(message_sent(std::string(5'000, 'm')).size(), 4096u);
  EXPECT_EQ(message_sent(std::string(4095, 'm') + "\xce\xb1").size(), 4095u) << "the character at the cut is left out";
  EXPECT_TRUE(is_utf8(message_sent(std::string(5'000, '\xbf'))));
  EXPECT_NE(message_sent(std::string(5'000, '\xbf')), "");
}

TEST(Reply, KnowsEveryStatusByItsName) {
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    Reply reply;
    reply.status = static_cast<Code>(i);
    const std::string frame = pack_reply(reply);
    EXPECT_EQ(read_reply(frame)->status, reply.status);
    EXPECT_EQ(code_of(name_of(reply.status)), reply.status);
  }
  EXPECT_FALSE(code_of("MAYBE"));
}

TEST(Reply, PassesOverInfoItDoesNotKnow) {
  std::string frame;
  PackedWriter(frame)
      .array(5)
      .natural(1)
      .natural(7)
      .str("OK")
      .nil()
      .map(2)
      .str("cost")
      .array(1)
      .nil()
      .str("version")
      .natural(9);
  const auto reply = read_reply(frame);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->info.version, 9u);
}

TEST(Reply, IsRefusedWhereItIsWrong) {
  const auto refused = [](auto write) {
    std::string frame;
    PackedWriter to(frame);
    write(to);
    return !read_reply(frame);
  };
  EXPECT_TRUE(refused([](PackedWriter& to) { to.array(4).natural(1).natural(7).str("OK").nil(); }));
  EXPECT_TRUE(refused([](PackedWriter& to) { to.array(5).natural(2).natural(7).str("OK").nil().map(0); }));
  EXPECT_TRUE(refused([](PackedWriter& to) { to.array(5).natural(1).integer(-7).str("OK").nil().map(0); }));
  EXPECT_TRUE(refused([](PackedWriter& to) { to.array(5).natural(1).natural(7).str("MAYBE").nil().map(0); }));
  EXPECT_TRUE(refused([](PackedWriter& to) { to.array(5).natural(1).natural(7).str("OK").nil().nil(); }));
  EXPECT_TRUE(refused([](PackedWriter& to) { to.array(5).natural(1).natural(7).str("OK").nil().map(0).nil(); }));
}

TEST(Reply, IsRefusedAtEveryTruncation) {
  const std::string frame = pack_reply(full_reply());
  for_each_truncation(frame, [](const std::string& cut) { EXPECT_FALSE(read_reply(cut)) << cut.size(); });
}

TEST(Reply, ThatIsTakenAmongAnyBytesIsTheSameOnceItWasPackedAgain) {
  std::size_t taken = 0;
  for_each_mutation(pack_reply(full_reply()), 20'000, 13, [&taken](const std::string& bytes) {
    const auto reply = read_reply(bytes);
    if (!reply) return;
    ++taken;
    const std::string packed = pack_reply(*reply);
    const auto again = read_reply(packed);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(pack_reply(*again), packed);
  });
  EXPECT_GT(taken, 0u);
}

}  // namespace
}  // namespace trellis
