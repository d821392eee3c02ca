#include "broker/audit_log.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace trellis {
namespace {

TEST(AuditLog, ALineTellsWhoAskedForWhatAndWhatCameOfIt) {
  AuditEvent event;
  event.user = "ada";
  event.speaker = "door";
  event.command = "PUT";
  event.key = "a\n\"b";
  event.status = "PERMISSION_DENIED";
  event.message = "no right";
  event.address = "10.0.0.1";
  EXPECT_EQ(audit_line(event, 0),
            R"({"time": "1970-01-01T00:00:00Z", "user": "ada", "speaker": "door", "command": "PUT", "key": "a\n\"b", )"
            R"("status": "PERMISSION_DENIED", "message": "no right", "address": "10.0.0.1"})");
}

TEST(AuditLog, GoesOnWithItsFileWhichIsItsOwnersAlone) {
  const std::string path = ::testing::TempDir() + "/trellis-audit-" + std::to_string(getpid());
  for (int i = 0; i < 2; ++i) {
    auto log = AuditLog::open(path);
    ASSERT_TRUE(log) << log.error().message;
    (*log)->write({});
  }
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  std::ifstream file(path);
  std::string line;
  int lines = 0;
  while (std::getline(file, line)) ++lines;
  EXPECT_EQ(lines, 2);
  std::filesystem::remove(path);
  EXPECT_FALSE(AuditLog::open("/nowhere/at/all"));
}

}  // namespace
}  // namespace trellis
