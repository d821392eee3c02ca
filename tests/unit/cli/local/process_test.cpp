// Processes are started, known again, and ended; a later one with the same pid is left alone.
#include "cli/local/process.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace trellis {
namespace {

using std::chrono::milliseconds;

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() : log_(testing::TempDir() + "process." + std::to_string(getpid()) + ".log") {}
  ~ProcessTest() override { unlink(log_.c_str()); }

  ProcessIdentity shell(const std::string& script) {
    const auto started = start_process({"/bin/sh", {"-c", script}, log_, false});
    EXPECT_TRUE(started);
    return *started;
  }
  std::string wait_for_log(const std::string& text) {
    std::string line;
    for (int look = 0; look < 1'000 && line != text; ++look) {
      std::this_thread::sleep_for(milliseconds(10));
      std::ifstream file(log_);
      std::getline(file, line);
    }
    return line;
  }

  std::string log_;
};

TEST_F(ProcessTest, RunsUntilItIsStopped) {
  const ProcessIdentity process = shell("echo here; exec sleep 100");
  EXPECT_EQ(wait_for_log("here"), "here");
  EXPECT_TRUE(is_running(process));
  stop_processes(std::span(&process, 1), milliseconds(5'000));
  EXPECT_FALSE(is_running(process));
}

TEST_F(ProcessTest, OneThatDoesNotListenIsKilled) {
  const ProcessIdentity process = shell("trap '' TERM; echo here; while :; do sleep 0.05; done");
  EXPECT_EQ(wait_for_log("here"), "here");
  stop_processes(std::span(&process, 1), milliseconds(200));
  EXPECT_FALSE(is_running(process));
}

TEST_F(ProcessTest, AnotherProcessWithThatPidIsLeftAlone) {
  const ProcessIdentity process = shell("exec sleep 100");
  ProcessIdentity earlier = process;
  earlier.started -= 1;
  EXPECT_FALSE(is_running(earlier));
  stop_processes(std::span(&earlier, 1), milliseconds(100));
  ProcessIdentity before_reboot = process;
  before_reboot.boot = "another";
  stop_processes(std::span(&before_reboot, 1), milliseconds(100));
  EXPECT_TRUE(is_running(process));
  stop_processes(std::span(&process, 1), milliseconds(5'000));
}

TEST_F(ProcessTest, OurSettingsAreNotHandedOn) {
  setenv("TRELLIS_CONFIG", "mine", 1);
  shell("echo \"[$TRELLIS_CONFIG]\"");
  EXPECT_EQ(wait_for_log("[]"), "[]");
  unsetenv("TRELLIS_CONFIG");
}

TEST_F(ProcessTest, AProgramThatIsNotThereIsAnError) {
  EXPECT_FALSE(start_process({"/nowhere/trellis-worker", {}, log_, false}));
}

}  // namespace
}  // namespace trellis
