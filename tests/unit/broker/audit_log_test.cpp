#include "broker/audit_log.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

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

TEST(AuditLog, WhatIsLeftOutIsToldAtTheLatestAtTheEnd) {
  const std::string path = ::testing::TempDir() + "/trellis-audit-rate-" + std::to_string(getpid());
  AuditEvent refusal;
  refusal.user = "ada";
  refusal.is_refusal = true;
  auto log = AuditLog::open(path);
  ASSERT_TRUE(log) << log.error().message;
  for (std::size_t i = 0; i < AuditRate::kPerUserMax + 3; ++i) (*log)->write(refusal, TimePoint());
  AuditEvent command;
  command.user = "ada";
  command.command = "USER_ADD";
  (*log)->write(command, TimePoint());
  log->reset();
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), AuditRate::kPerUserMax + 2);
  EXPECT_NE(lines[lines.size() - 2].find("USER_ADD"), std::string::npos) << "what was done is always written";
  EXPECT_NE(lines.back().find(R"("user": "ada", "left_out": 3})"), std::string::npos) << lines.back();
  std::filesystem::remove(path);
}

TEST(AuditLog, GoesOnWithItsFileWhichIsItsOwnersAlone) {
  const std::string path = ::testing::TempDir() + "/trellis-audit-" + std::to_string(getpid());
  for (int i = 0; i < 2; ++i) {
    auto log = AuditLog::open(path);
    ASSERT_TRUE(log) << log.error().message;
    (*log)->write({}, TimePoint());
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
