// The client over real sockets, against brokers that die, come back, hang or never were.
#include "client/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "protocol/packed.hpp"
#include "tests/unit/client/fake_broker.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;

const std::string kNoArguments(1, '\x90');

std::string silence(const Request&) { return {}; }

TEST(Client, GetsAnAnswer) {
  FakeBroker broker(ok_reply);
  Client client({broker.endpoint()});
  EXPECT_EQ(client.call(Command::kPing, kNoArguments, {}).reply.status, Code::kOk);
}

TEST(Client, ManyCallsAreUnderWayAtOnce) {
  FakeBroker broker(ok_reply);
  Client client({broker.endpoint()});
  int answered = 0;
  for (int i = 0; i < 1'000; ++i) {
    client.start(Command::kPing, kNoArguments, {}, [&answered](const Answer&) { ++answered; });
  }
  while (client.under_way() > 0) client.run(milliseconds(100));
  EXPECT_EQ(answered, 1'000);
}

TEST(Client, WithoutABrokerItSaysSoAtTheDeadline) {
  int port = 0;
  { port = FakeBroker(ok_reply).port(); }
  Client client({"tcp://127.0.0.1:" + std::to_string(port)});
  Options options;
  options.timeout = milliseconds(200);
  const Answer answer = client.call(Command::kPing, kNoArguments, options);
  EXPECT_EQ(answer.reply.status, Code::kUnavailable);
  EXPECT_THAT(answer.reply.info.message, testing::HasSubstr(std::to_string(port)));
}

TEST(Client, ABrokerThatComesBackTakesUpItsClients) {
  auto broker = std::make_unique<FakeBroker>(silence);
  const int port = broker->port();
  Client client({broker->endpoint()});
  bool answered = false;
  client.start(Command::kPing, kNoArguments, {},
               [&answered](const Answer& answer) { answered = answer.reply.status == Code::kOk; });
  while (broker->requests() == 0) client.run(milliseconds(10));
  broker.reset();
  broker = std::make_unique<FakeBroker>(ok_reply, port);
  while (client.under_way() > 0) client.run(milliseconds(100));
  EXPECT_TRUE(answered);
}

TEST(Client, TheNextBrokerTakesOverWhenOneDies) {
  auto first = std::make_unique<FakeBroker>(silence);
  FakeBroker second(ok_reply);
  Client client({first->endpoint(), second.endpoint()});
  const auto begun = std::chrono::steady_clock::now();
  bool answered = false;
  Options options;
  options.timeout = milliseconds(20'000);
  client.start(Command::kPing, kNoArguments, options,
               [&answered](const Answer& answer) { answered = answer.reply.status == Code::kOk; });
  while (first->requests() + second.requests() == 0) client.run(milliseconds(10));
  first.reset();
  while (client.under_way() > 0) client.run(milliseconds(100));
  EXPECT_TRUE(answered);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

TEST(Client, TheNextBrokerTakesOverWhenOneHangs) {
  FakeBroker first(silence);
  FakeBroker second(ok_reply);
  Client client({first.endpoint(), second.endpoint()});
  EXPECT_EQ(client.call(Command::kPing, kNoArguments, {}).reply.status, Code::kOk);
}

TEST(Client, AWaitCanBeInterrupted) {
  FakeBroker broker(silence);
  Client client({broker.endpoint()});
  int looks = 0;
  const Answer answer = client.call(Command::kPing, kNoArguments, {}, [&] {
    client.wake();
    return ++looks > 3;
  });
  EXPECT_EQ(answer.reply.status, Code::kDeadlineExceeded);
  EXPECT_EQ(client.under_way(), 0u);
}

TEST(Client, LargeFramesArriveWhole) {
  std::string document(1 << 20, 'x');
  FakeBroker broker([](const Request& request) {
    Reply reply;
    reply.id = request.id;
    const auto put = read_put(request.arguments);
    reply.result = put ? put->document : std::string_view();
    return pack_reply(reply);
  });
  Client client({broker.endpoint()});
  std::string arguments;
  PackedWriter(arguments).array(2).str("k").str(document);
  const Answer answer = client.call(Command::kPut, arguments, {});
  EXPECT_EQ(PackedReader(answer.reply.result).read_str(), document);
}

}  // namespace
}  // namespace trellis
