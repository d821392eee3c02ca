// The ledger of replies: each request has one, in time.
#include "sim/reply_ledger.hpp"

#include <gtest/gtest.h>

#include "protocol/command.hpp"
#include "protocol/packed.hpp"
#include "protocol/reply.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kNow{std::chrono::seconds(100)};

std::string request(std::uint64_t id) {
  std::string none;
  PackedWriter(none).array(0);
  Options options;
  options.timeout = milliseconds(500);
  return pack_request(id, Command::kPing, none, options);
}

std::string reply(std::uint64_t id, Code status = Code::kOk) {
  Reply reply;
  reply.id = id;
  reply.status = status;
  return pack_reply(reply);
}

TEST(ReplyLedger, EachRequestHasOneReplyAndNoMore) {
  ReplyLedger ledger;
  ledger.on_request("c1", request(7), kNow);
  ledger.on_request("c1", request(7), kNow);  // Sent again: another reply.
  EXPECT_FALSE(ledger.on_reply("c1", reply(7)));
  EXPECT_FALSE(ledger.on_reply("c1", reply(7)));
  EXPECT_EQ(ledger.on_reply("c1", reply(7)),
            "request 7 of client c1 is answered, and was not asked or has its answer: OK");
}

TEST(ReplyLedger, AReplyToSomebodyElseIsWrong) {
  ReplyLedger ledger;
  ledger.on_request("c1", request(7), kNow);
  EXPECT_TRUE(ledger.on_reply("c2", reply(7)));
  EXPECT_TRUE(ledger.on_reply("c1", reply(8)));
  EXPECT_TRUE(ledger.on_reply("c1", "no reply"));
}

TEST(ReplyLedger, WhatCannotBeReadIsRefusedUnderAnyId) {
  ReplyLedger ledger;
  ledger.on_request("c1", "no request", kNow);
  EXPECT_FALSE(ledger.on_reply("c1", reply(0, Code::kInvalidArgument)));
}

TEST(ReplyLedger, ARequestIsOverdueOnceItsDeadlineAndTheSlackHavePassed) {
  ReplyLedger ledger;
  ledger.on_request("c1", request(7), kNow);
  ledger.on_request("c1", request(8), kNow + milliseconds(100));
  EXPECT_FALSE(ledger.overdue(kNow + milliseconds(500) + ReplyLedger::kSlack));
  EXPECT_EQ(ledger.overdue(kNow + milliseconds(501) + ReplyLedger::kSlack),
            "request 7 of client c1 has no answer, and its deadline is over");
  EXPECT_FALSE(ledger.on_reply("c1", reply(7)));
  EXPECT_FALSE(ledger.overdue(kNow + milliseconds(501) + ReplyLedger::kSlack));
}

}  // namespace
}  // namespace trellis::sim
