#include "program/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

namespace trellis {
namespace {

using ::testing::MatchesRegex;

std::string logged(const std::function<void()>& act) {
  ::testing::internal::CaptureStderr();
  act();
  return ::testing::internal::GetCapturedStderr();
}

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override {
    set_log_cluster("");
    start_log("test", {});
  }
};

TEST_F(LogTest, WritesOneLineWithTimeLevelAndComponent) {
  start_log("worker", {});
  EXPECT_THAT(logged([] { log_info("ready"); }),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z info worker ready\n"));
}

TEST_F(LogTest, NamesClusterWorkerAndPartition) {
  start_log("worker", {});
  set_log_cluster("0123456789abcdef0123456789abcdef");
  EXPECT_THAT(logged([] {
                log(LogLevel::kWarning, "slow", {{}, PartitionId{3}});
              }),
              MatchesRegex(".* warning worker cluster=0123456789abcdef0123456789abcdef partition=3 slow\n"));
}

TEST_F(LogTest, NamesTheWorkerThatALineIsAboutInPlaceOfItsOwn) {
  start_log("broker", {LogLevel::kInfo, LogFormat::kJson});
  const LogSubject subject{WorkerId{0xc0ffee}, std::nullopt};
  const auto fields = nlohmann::json::parse(logged([&] { log(LogLevel::kWarning, "is down", subject); }));
  EXPECT_EQ(fields.at("worker"), "0000000000c0ffee");
  EXPECT_FALSE(fields.contains("partition"));
}

TEST_F(LogTest, KeepsAnEventOnOneLineWhateverItsMessage) {
  start_log("broker", {});
  EXPECT_THAT(logged([] { log_error("a\nb\x1b[31m"); }), MatchesRegex("[^\n\x1b]*a b \\[31m\n"));
}

TEST_F(LogTest, WritesNothingBelowItsLevel) {
  start_log("broker", {LogLevel::kWarning, LogFormat::kText});
  EXPECT_EQ(logged([] { log_info("chatter"); }), "");
  EXPECT_FALSE(is_logged(LogLevel::kInfo));
  EXPECT_NE(logged([] { log_error("trouble"); }), "");
}

TEST_F(LogTest, WritesJsonThatParses) {
  start_log("broker", {LogLevel::kDebug, LogFormat::kJson});
  const std::string line = logged([] { log(LogLevel::kDebug, "a \"quoted\"\nline \xff", {{}, PartitionId{7}}); });
  const auto fields = nlohmann::json::parse(line);
  EXPECT_EQ(fields.at("level"), "debug");
  EXPECT_EQ(fields.at("component"), "broker");
  EXPECT_EQ(fields.at("partition"), 7);
  EXPECT_EQ(fields.at("message"), "a \"quoted\"\nline \xef\xbf\xbd");
  EXPECT_THAT(fields.at("time").get<std::string>(), MatchesRegex("[0-9T:.-]+Z"));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

}  // namespace
}  // namespace trellis
