// The installed library: values as they travel, answers and errors as values, and calls that end without the cluster.
#include "client/public/trellis/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/public/value_packing.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/client/fake_broker.hpp"

namespace trellis::client {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

/// A broker that answers everything so.
FakeBroker broker_that_says(trellis::Code status, ReplyInfo info = {}, Value result = {}) {
  return FakeBroker([=](const trellis::Request& request) {
    Reply reply;
    reply.id = request.id;
    reply.status = status;
    reply.info = info;
    std::string packed;
    pack(packed, result);
    reply.result = packed;
    return pack_reply(reply);
  });
}

TEST(Value, ComesBackAsItWasPacked) {
  const Value values[] = {nullptr,
                          true,
                          false,
                          1,
                          -1,
                          1.0,
                          0xffff'ffff'ffff'ffffull,
                          std::numeric_limits<std::int64_t>::min(),
                          "text",
                          Bytes{"text"},
                          Array{1, Array{}, "x"},
                          Map{{"b", 1}, {"a", Map{}}}};
  for (const Value& value : values) {
    std::string packed;
    pack(packed, value);
    EXPECT_EQ(unpack(packed), value);
    EXPECT_EQ(unpack(packed + '\0'), std::nullopt) << "More than one value is none.";
  }
}

TEST(Value, KeepsTextBytesAndNumbersApart) {
  EXPECT_NE(Value("text"), Value(Bytes{"text"}));
  EXPECT_NE(Value(1), Value(1.0));
  EXPECT_NE(Value(1), Value(true));
  EXPECT_EQ(Value(1u), Value(1));
  EXPECT_EQ(Value(1.0).as_int(), std::nullopt);
  EXPECT_EQ(Value(0xffff'ffff'ffff'ffffull).as_int(), std::nullopt);
  EXPECT_EQ(Value(-1).as_uint(), std::nullopt);
  EXPECT_EQ(Value(7).as_number(), 7.0);
  EXPECT_EQ(*Value(Map{{"a", 1}}).find("a"), Value(1));
  EXPECT_EQ(Value(Map{{"a", 1}}).find("b"), nullptr);
  EXPECT_EQ(Value(1).find("a"), nullptr);
}

TEST(InstalledClient, AnAnswerHasItsResultAndItsVersion) {
  ReplyInfo info;
  info.version = 12;
  FakeBroker broker = broker_that_says(trellis::Code::kOk, info, Map{{"age", 22}});
  Client client({broker.endpoint()});
  const auto answer = client.call(get("person1"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->result.find("age")->as_int(), 22);
  EXPECT_EQ(answer->version, 12u);
}

TEST(InstalledClient, AnErrorSaysWhetherTheWriteMayHaveHappened) {
  const struct {
    trellis::Code status;
    Code code;
    bool perhaps_applied;
  } kOutcomes[] = {
      {trellis::Code::kInvalidArgument, Code::kInvalidArgument, false},
      {trellis::Code::kFailedPrecondition, Code::kFailedPrecondition, false},
      {trellis::Code::kUnavailable, Code::kUnavailable, false},
      {trellis::Code::kDeadlineExceeded, Code::kDeadlineExceeded, true},
      {trellis::Code::kInternal, Code::kInternal, true},
  };
  for (const auto& outcome : kOutcomes) {
    ReplyInfo info;
    info.message = "so it is said";
    FakeBroker broker = broker_that_says(outcome.status, info);
    Client client({broker.endpoint()});
    const auto write = client.call(put("a", 1));
    ASSERT_FALSE(write);
    EXPECT_EQ(write.error().code, outcome.code);
    EXPECT_EQ(write.error().message, "so it is said");
    EXPECT_EQ(write.error().perhaps_applied, outcome.perhaps_applied);
    EXPECT_FALSE(client.call(get("a")).error().perhaps_applied) << "A read does nothing.";
  }
}

TEST(InstalledClient, AForgottenWriteIsNoFailedCondition) {
  ReplyInfo info;
  info.exactly_once = ExactlyOnce::kUnknown;
  FakeBroker broker = broker_that_says(trellis::Code::kFailedPrecondition, info);
  Client client({broker.endpoint()});
  const auto write = client.call(put("a", 1, {.if_version = 1}));
  EXPECT_EQ(write.error().code, Code::kExactlyOnce);
  EXPECT_EQ(write.error().exactly_once, "unknown");
  EXPECT_TRUE(write.error().perhaps_applied);
}

TEST(InstalledClient, AnAnswerWithoutAMajorityIsAnErrorUnlessItIsAccepted) {
  ReplyInfo info;
  info.guaranteed = false;
  info.warnings = {"2 of 3 workers are down"};
  FakeBroker broker = broker_that_says(trellis::Code::kOk, info, 1);
  const auto refused = Client({broker.endpoint()}).call(get("a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kNotGuaranteed);
  EXPECT_THAT(refused.error().message, HasSubstr("2 of 3"));
  const auto taken = Client({broker.endpoint()}, {.accept_unguaranteed = true}).call(get("a"));
  ASSERT_TRUE(taken);
  EXPECT_FALSE(taken->guaranteed);
}

TEST(InstalledClient, ItemsOfABatchHaveOutcomesOfTheirOwn) {
  const Array outcomes = {Array{"OK", true, Map{{"version", 3}}}, Array{"DEADLINE_EXCEEDED", nullptr, Map{}},
                          Array{"DEADLINE_EXCEEDED", nullptr, Map{}}, Array{"OK", 1, Map{{"guaranteed", false}}}};
  FakeBroker broker = broker_that_says(trellis::Code::kOk, {}, outcomes);
  Client client({broker.endpoint()});
  const auto answer = client.call(batch({put("a", 1), pop("b"), get("c"), get("d")}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->result[0]->version, 3u);
  EXPECT_TRUE(answer->result[1].error().perhaps_applied);
  EXPECT_FALSE(answer->result[2].error().perhaps_applied);
  EXPECT_EQ(answer->result[3].error().code, Code::kNotGuaranteed);
  EXPECT_EQ(client.call(batch({get("a")})).error().code, Code::kInternal) << "Another number of outcomes.";
}

TEST(InstalledClient, AListingGoesOnBehindItsLastKey) {
  ReplyInfo info;
  info.more = true;
  FakeBroker broker = broker_that_says(trellis::Code::kOk, info, Array{Array{"a", 1}, Array{Bytes{"\xff"}, 2}});
  const auto page = Client({broker.endpoint()}).call(scan());
  ASSERT_TRUE(page);
  EXPECT_EQ(page->result[1].first, "\xff");
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->after, "\xff");
}

TEST(InstalledClient, AReplyOfAnotherFormIsAnError) {
  FakeBroker broker = broker_that_says(trellis::Code::kOk, {}, 7);
  Client client({broker.endpoint()});
  EXPECT_EQ(client.call(keys()).error().code, Code::kInternal);
  EXPECT_EQ(client.call(scan()).error().code, Code::kInternal);
  EXPECT_EQ(client.call(ping()).error().code, Code::kInternal);
}

TEST(InstalledClient, WhatIsWrongIsToldFromInsideRunAndNotSent) {
  FakeBroker broker(ok_reply);
  Client client({broker.endpoint()});
  EXPECT_EQ(client.call(command("FROBNICATE", {})).error().code, Code::kInvalidArgument);
  EXPECT_EQ(client.call(get("a", {.if_absent = true})).error().code, Code::kInvalidArgument);
  EXPECT_EQ(client.call(get("a", {.timeout = milliseconds(0)})).error().code, Code::kInvalidArgument);
  const auto id = client.start(command("FROBNICATE", {}), [](const auto&) { FAIL() << "It was forgotten."; });
  client.forget(id);
  client.run(milliseconds(0));
  EXPECT_EQ(client.under_way(), 0u);
  EXPECT_EQ(broker.requests(), 0);
}

TEST(InstalledClient, ACallThatIsForgottenHasNoAnswer) {
  FakeBroker broker(ok_reply);
  Client client({broker.endpoint()});
  client.forget(client.start(ping(), [](const auto&) { FAIL() << "It was forgotten."; }));
  EXPECT_EQ(client.under_way(), 0u);
  client.run(milliseconds(20));
}

}  // namespace
}  // namespace trellis::client
