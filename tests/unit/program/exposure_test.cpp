#include "program/exposure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trellis {
namespace {

using ::testing::HasSubstr;

TEST(Exposure, LoopbackIsWhatThisMachineAloneReaches) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "localhost", "[::1]"}) EXPECT_TRUE(is_loopback({host, 1})) << host;
  for (const char* host : {"0.0.0.0", "*", "[::]", "10.0.0.1", "127.example.org", "example.org", "128.0.0.1", "eth0"}) {
    EXPECT_FALSE(is_loopback({host, 1})) << host;
  }
}

TEST(Exposure, APortThatServesWhoeverReachesItIsRefusedWithTheTwoWaysOn) {
  const OpenPort open{"--frontend", {"10.0.0.1", 7400}, false, kKeyRemedy};
  const auto refused = check_exposure({open}, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("--frontend 10.0.0.1:7400"));
  EXPECT_THAT(refused.error().message, HasSubstr("trellis keys init DIR"));
  EXPECT_THAT(refused.error().message, HasSubstr("--insecure"));
  EXPECT_TRUE(check_exposure({open}, true));
  EXPECT_TRUE(check_exposure({{"--frontend", {"10.0.0.1", 7400}, true, kKeyRemedy}}, false));
  EXPECT_TRUE(check_exposure({{"--frontend", {"127.0.0.1", 7400}, false, kKeyRemedy}}, false));
  EXPECT_FALSE(check_exposure({{"--backend", {"127.0.0.1", 1}, false, kKeyRemedy}, open}, false)) << "any of them";
}

}  // namespace
}  // namespace trellis
