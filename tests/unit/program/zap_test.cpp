#include "program/zap.hpp"

#include <gtest/gtest.h>

#include <random>

namespace trellis {
namespace {

Frame frame_of(std::string text) { return Frame(std::move(text)); }

Frames question(const std::string& mechanism, const std::string& key) {
  return {frame_of("asker"),    frame_of(""), frame_of("1.0"),     frame_of("7"), frame_of("the frontend"),
          frame_of("10.0.0.1"), frame_of(""), frame_of(mechanism), frame_of(key)};
}

TEST(Zap, AQuestionIsReadAsLibzmqAsksIt) {
  const std::string key(32, 'k');
  const auto read = read_zap_question(question("CURVE", key));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->port, "the frontend");
  EXPECT_EQ(read->address, "10.0.0.1");
  EXPECT_EQ(read->public_key, key);
}

TEST(Zap, WithoutCurveNobodyHasAKey) {
  EXPECT_EQ(read_zap_question(question("PLAIN", std::string(32, 'k')))->public_key, "");
  EXPECT_EQ(read_zap_question(question("CURVE", std::string(31, 'k')))->public_key, "");
  Frames null = question("NULL", "");
  null.pop_back();
  EXPECT_EQ(read_zap_question(null)->public_key, "");
}

TEST(Zap, AnAnswerCarriesTheQuestionsNumberAndTheUser) {
  const auto read = read_zap_question(question("CURVE", std::string(32, 'k')));
  const Frames answer = zap_answer(*read, ZapStatus::kNotYet, "why", "ada");
  ASSERT_EQ(answer.size(), 8u);
  const std::string_view expected[] = {"asker", "", "1.0", "7", "300", "why", "ada", ""};
  for (std::size_t i = 0; i < answer.size(); ++i) EXPECT_EQ(answer[i].bytes(), expected[i]) << i;
}

TEST(Zap, OtherFramesAreNoQuestion) {
  EXPECT_FALSE(read_zap_question({}));
  Frames long_one = question("CURVE", std::string(32, 'k'));
  long_one.push_back(frame_of("more"));
  EXPECT_FALSE(read_zap_question(long_one));
  Frames other_version = question("CURVE", std::string(32, 'k'));
  other_version[2] = frame_of("2.0");
  EXPECT_FALSE(read_zap_question(other_version));
  Frames large = question("CURVE", std::string(1'000, 'k'));
  EXPECT_FALSE(read_zap_question(large));
}

}  // namespace
}  // namespace trellis
