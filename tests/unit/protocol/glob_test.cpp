#include "protocol/glob.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <regex>

#include "protocol/limits.hpp"

namespace trellis {
namespace {

bool matches(std::string_view pattern, std::string_view key) {
  const auto glob = Glob::parse(pattern);
  if (!glob) {
    ADD_FAILURE() << glob.error().message;
    return false;
  }
  std::uint64_t steps = 0;
  const bool result = glob->matches(key, steps);
  const std::size_t searched = std::min(pattern.size(), Glob::kBetweenStarsMax);
  EXPECT_LE(steps, (key.size() + 1) * (searched + 2) + 2 * pattern.size()) << pattern << " " << key;
  if (result) {
    EXPECT_TRUE(key.starts_with(glob->beginning())) << pattern << " " << key;
  }
  return result;
}

TEST(Glob, AStarTakesInAnythingAndAQuestionMarkOneCharacter) {
  EXPECT_TRUE(matches("user:*:name", "user:7:name"));
  EXPECT_TRUE(matches("user:*:name", "user::name"));
  EXPECT_TRUE(matches("user:*:name", "user:a:name:b:name"));
  EXPECT_FALSE(matches("user:*:name", "user:7:name2"));
  EXPECT_FALSE(matches("user:*:name", "user:name"));
  EXPECT_TRUE(matches("*", "anything"));
  EXPECT_TRUE(matches("**a**", "banana"));
  EXPECT_FALSE(matches("**b", "banana"));
  EXPECT_TRUE(matches("b?n?n?", "banana"));
  EXPECT_FALSE(matches("b?", "b"));
  EXPECT_TRUE(matches("", "")) << "which is no key";
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("a", "ab"));
}

TEST(Glob, ASetIsOneOfItsCharactersAndNegatedNoneOfThem) {
  EXPECT_TRUE(matches("k[0-9]", "k7"));
  EXPECT_FALSE(matches("k[0-9]", "ka"));
  EXPECT_TRUE(matches("k[^0-9]", "ka"));
  EXPECT_FALSE(matches("k[^0-9]", "k"));
  EXPECT_TRUE(matches("[a-cx_]*", "x1"));
  EXPECT_TRUE(matches("[a-]", "-")) << "at its end it is itself";
  EXPECT_TRUE(matches("[-a]", "-"));
  EXPECT_TRUE(matches("[\\]]", "]"));
  EXPECT_TRUE(matches("[*?]", "*")) << "nothing else means anything in it";
}

TEST(Glob, ABackslashTakesTheMeaningAway) {
  EXPECT_TRUE(matches("a\\*b", "a*b"));
  EXPECT_FALSE(matches("a\\*b", "axb"));
  EXPECT_TRUE(matches("\\[x]", "[x]"));
  EXPECT_TRUE(matches("\\\\", "\\"));
}

TEST(Glob, CharactersAreThoseOfUtf8AndBytesWhereThereIsNone) {
  EXPECT_TRUE(matches("?", "é"));
  EXPECT_TRUE(matches("[à-ï]", "é"));
  EXPECT_FALSE(matches("??", "é"));
  EXPECT_TRUE(matches("?", "\xff"));
  EXPECT_TRUE(matches("\xff*", "\xff\xfe"));
  EXPECT_FALSE(matches("\xff", "\xfe"));
  EXPECT_TRUE(matches("?", "😀"));
}

TEST(Glob, WhatStandsBehindTheLastStarIsLookedForAtTheEndAlone) {
  EXPECT_TRUE(matches("*ana", "banana"));
  EXPECT_FALSE(matches("*ban", "banana"));
  EXPECT_TRUE(matches("a*é?", "aéé\xff"));
  EXPECT_FALSE(matches("a*aa", "aa")) << "no character counts twice";
  EXPECT_TRUE(matches("*[é]", "\xc3\xa9\xc3é")) << "characters are read from the front";
}

/// What is searched for may have to be looked at anew behind each character of the key.
TEST(Glob, TheLongestKeyTakesNoMoreThanSomeHundredThousandSteps) {
  const std::string key(kKeySizeMax, 'a');
  const std::string searched(Glob::kBetweenStarsMax - 1, 'a');
  std::uint64_t steps = 0;
  EXPECT_FALSE(Glob::parse("*" + searched + "b*")->matches(key, steps));
  EXPECT_LE(steps, 600'000u);
  EXPECT_GT(steps, 400'000u);
  steps = 0;
  EXPECT_FALSE(Glob::parse("*" + std::string(Glob::kSizeMax - 2, 'a') + "b")->matches(key, steps));
  EXPECT_LE(steps, 10'000u);
  steps = 0;
  EXPECT_FALSE(Glob::parse("*[" + searched.substr(2) + "]b*")->matches(key, steps));
  EXPECT_LE(steps, 600'000u) << "a set takes as many steps as it has ranges";
  EXPECT_GT(steps, 400'000u);
}

TEST(Glob, WhatEachKeyBeginsWithNarrowsTheWalk) {
  EXPECT_EQ(Glob::parse("user:*:name")->beginning(), "user:");
  EXPECT_EQ(Glob::parse("a\\*b?c")->beginning(), "a*b");
  EXPECT_EQ(Glob::parse("é[a]")->beginning(), "é");
  EXPECT_EQ(Glob::parse("*a")->beginning(), "");
  EXPECT_EQ(Glob::parse("whole")->beginning(), "whole");
}

TEST(Glob, WhatIsWrongIsNamedWithItsPlace) {
  const auto wrong = [](std::string_view pattern) { return Glob::parse(pattern).error().message; };
  EXPECT_THAT(wrong("ab[c"), ::testing::HasSubstr("a [ without its ] at byte 2"));
  EXPECT_THAT(wrong("[]"), ::testing::HasSubstr("an empty [] at byte 0"));
  EXPECT_THAT(wrong("[z-a]"), ::testing::HasSubstr("a range that ends before it begins at byte 0"));
  EXPECT_THAT(wrong("a\\"), ::testing::HasSubstr("nothing stands behind a \\ at byte 1"));
  EXPECT_THAT(wrong("[a\\"), ::testing::HasSubstr("nothing stands behind a \\"));
  EXPECT_THAT(wrong("["), ::testing::HasSubstr("a [ without"));
  EXPECT_THAT(wrong("[^"), ::testing::HasSubstr("a [ without"));
  const std::string between(Glob::kBetweenStarsMax, 'x');
  EXPECT_TRUE(Glob::parse("a*" + between + "*" + between + "*" + between + "b"));
  EXPECT_THAT(wrong("a*" + between + "y*"),
              ::testing::HasSubstr("more than 128 bytes between two *, which begin at byte 2"));
  EXPECT_TRUE(Glob::parse(std::string(Glob::kSizeMax, 'x')));
  EXPECT_THAT(wrong(std::string(Glob::kSizeMax + 1, 'x')), ::testing::HasSubstr("has 1025 bytes, and may have 1024"));
}

/// A regular expression is the model, over small alphabets, where patterns match often.
TEST(Glob, AgreesWithARegularExpression) {
  std::mt19937 random(7);
  const auto draw = [&](std::string_view alphabet, std::size_t size_max) {
    std::string text;
    for (std::size_t left = random() % (size_max + 1); left > 0; --left) text += alphabet[random() % alphabet.size()];
    return text;
  };
  int hits = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern = draw("ab*?", 7);
    std::string expression;
    for (const char c : pattern) expression += c == '*' ? ".*" : c == '?' ? "." : std::string(1, c);
    const std::string key = draw("ab", 8);
    const bool expected = std::regex_match(key, std::regex(expression));
    hits += expected;
    ASSERT_EQ(matches(pattern, key), expected) << pattern << " " << key;
  }
  EXPECT_GT(hits, 1'000);
}

}  // namespace
}  // namespace trellis
