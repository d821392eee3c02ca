// How often a cluster can be restored from the backup of a restored one.  docs/backup.md, Restoring.
#include <gtest/gtest.h>

#include "cli/backup/restore.hpp"
#include "worker/state/entry.hpp"

namespace trellis {
namespace {

/// Numbers below it are exact in JavaScript, as in a double.
constexpr std::uint64_t kExactMax = std::uint64_t{1} << 53;

TEST(RestoredVersions, SevenRestoresInARowLeaveThemExactInJavaScriptAndTheEighthBeginsBeyond) {
  // Each begins so far above all that was written before, and no log comes to so many entries by itself.
  const LogIndex after_seven{7 * kRaisedBy + (kRaisedBy - 1)};
  EXPECT_LT(version_of(after_seven, kCommandsPerEntryMax - 1), kExactMax);
  EXPECT_EQ(version_of(LogIndex{8 * kRaisedBy}, 0), kExactMax);
}

}  // namespace
}  // namespace trellis
