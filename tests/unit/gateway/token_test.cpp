#include "program/token/token.hpp"

#include <gtest/gtest.h>

#include <set>

namespace trellis {
namespace {

TEST(Token, AreDifferentAndOfOneForm) {
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i) {
    const auto token = make_token();
    ASSERT_TRUE(token);
    EXPECT_TRUE(is_token(*token)) << *token;
    EXPECT_TRUE(all.insert(*token).second);
  }
}

TEST(Token, ItsHashIsSha256) {
  const std::string hash = token_hash("abc");
  ASSERT_EQ(hash.size(), 32u);
  EXPECT_EQ(hash.substr(0, 4), "\xba\x78\x16\xbf");
}

TEST(Token, IsTakenFromItsHeaderAndFromNoOther) {
  const std::string token = *make_token();
  EXPECT_EQ(bearer_token("Bearer " + token), token);
  EXPECT_EQ(bearer_token("bEARER   " + token), token);
  for (const std::string& other : {std::string(), std::string("Bearer"), "Bearer" + token, "Basic " + token, token,
                                   "Bearer " + token + " ", "Bearer " + token.substr(1), "Bearer " + token + "A"}) {
    EXPECT_FALSE(bearer_token(other)) << other;
  }
}

}  // namespace
}  // namespace trellis
