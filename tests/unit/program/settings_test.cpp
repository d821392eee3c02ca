#include "program/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace trellis {
namespace {

using ::testing::HasSubstr;

/// A program with a few flags of each kind, and one subcommand.
class Settings : public ::testing::Test {
 protected:
  Settings() {
    app_.add_option("-k,--replication", replication_, "Replication factor");
    app_.add_option("--map-size", map_size_, "A flag with a dash");
    app_.add_option("-b,--broker", brokers_, "May be repeated")->check(endpoint_problem);
    app_.add_flag("--detach", detach_, "A switch");
    CLI::App* load = app_.add_subcommand("load", "A subcommand");
    load->add_option("--window", window_, "Its own flag");
    load->add_option("files", files_, "Positional");
    app_.fallthrough();
    load->fallthrough();
    add_log_settings(app_, log_);
  }
  ~Settings() override {
    for (const std::string& name : environment_) unsetenv(name.c_str());
    std::remove(path_.c_str());
  }
  void set(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    environment_.push_back(name);
  }
  std::string config(const std::string& text) {
    std::ofstream(path_) << text;
    return path_;
  }
  /// What parse_settings returned (-1: go on); what it printed is in `out_` and `err_`.
  int parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "trellis-test");
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const auto code = parse_settings(app_, static_cast<int>(argv.size()), argv.data());
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code.value_or(-1);
  }
  void expect_refused(int code, const std::string& message) {
    EXPECT_EQ(code, 2);
    EXPECT_THAT(err_, HasSubstr(message));
    EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 1) << err_;
    EXPECT_EQ(out_, "");
  }

  CLI::App app_{"A program for tests", "trellis-test"};
  unsigned replication_ = 2;
  int map_size_ = 1;
  int window_ = 1;
  bool detach_ = false;
  std::vector<std::string> brokers_;
  std::vector<std::string> files_;
  LogSettings log_;
  std::string out_;
  std::string err_;

 private:
  std::vector<std::string> environment_;
  std::string path_ = ::testing::TempDir() + "trellis_settings_" + std::to_string(::getpid()) + ".toml";
};

TEST_F(Settings, KeepTheirDefaultsWhereNothingIsSaid) {
  EXPECT_EQ(parse({}), -1);
  EXPECT_EQ(replication_, 2u);
  EXPECT_FALSE(detach_);
}

TEST_F(Settings, FlagsBeatTheEnvironmentAndItBeatsTheConfigFile) {
  const std::string file = config("replication = 5\nmap-size = 50\n[load]\nwindow = 500\n");
  set("TRELLIS_REPLICATION", "4");
  set("TRELLIS_MAP_SIZE", "40");
  EXPECT_EQ(parse({"--config", file, "load", "-k", "3"}), -1);
  EXPECT_EQ(replication_, 3u);
  EXPECT_EQ(map_size_, 40);
  EXPECT_EQ(window_, 500);
}

TEST_F(Settings, AByteOrderMarkInFrontOfTheConfigFileIsNoPartOfIt) {
  EXPECT_EQ(parse({"--config", config("\xef\xbb\xbfreplication = 5\n")}), -1);
  EXPECT_EQ(replication_, 5u);
}

TEST_F(Settings, OfASubcommandYieldToTheEnvironmentToo) {
  const std::string file = config("[load]\nwindow = 500\n");
  set("TRELLIS_WINDOW", "400");
  EXPECT_EQ(parse({"--config", file, "load"}), -1);
  EXPECT_EQ(window_, 400);
}

TEST_F(Settings, OfTheConfigFileCountWhereNothingElseIsSaid) {
  const std::string file = config("# a comment\nreplication = 5\ndetach = true\nbroker = [\"a:1\", \"b:2\"]\n");
  EXPECT_EQ(parse({"--config", file}), -1);
  EXPECT_EQ(replication_, 5u);
  EXPECT_TRUE(detach_);
  EXPECT_THAT(brokers_, testing::ElementsAre("a:1", "b:2"));
}

TEST_F(Settings, TakeTheConfigFileFromTheEnvironmentToo) {
  set("TRELLIS_CONFIG", config("replication = 5\n"));
  EXPECT_EQ(parse({}), -1);
  EXPECT_EQ(replication_, 5u);
}

TEST_F(Settings, OfTheEnvironmentReachRepeatedFlagsAndSwitches) {
  set("TRELLIS_BROKER", "a:1,tcp://b:2");
  set("TRELLIS_DETACH", "true");
  EXPECT_EQ(parse({}), -1);
  EXPECT_THAT(brokers_, testing::ElementsAre("a:1", "tcp://b:2"));
  EXPECT_TRUE(detach_);
}

TEST_F(Settings, IgnoreEmptyVariables) {
  set("TRELLIS_REPLICATION", "");
  set("TRELLIS_CONFIG", "");
  EXPECT_EQ(parse({}), -1);
  EXPECT_EQ(replication_, 2u);
}

TEST_F(Settings, AreNotTakenForHelpOrVersionFromTheEnvironment) {
  set("TRELLIS_HELP", "1");
  set("TRELLIS_VERSION", "1");
  EXPECT_EQ(parse({}), -1);
}

TEST_F(Settings, PrintHelpAndVersionToStandardOutput) {
  EXPECT_EQ(parse({"--version"}), 0);
  EXPECT_EQ(out_, "trellis-test " TRELLIS_VERSION "\n");
  EXPECT_EQ(err_, "");
  EXPECT_EQ(parse({"--help"}), 0);
  EXPECT_THAT(out_, HasSubstr("--map-size"));
  EXPECT_THAT(out_, HasSubstr("TRELLIS_MAP_SIZE"));
}

TEST_F(Settings, ThatAreWrongAreToldInOneLineWithWhatWouldBeRight) {
  expect_refused(parse({"--map-sise", "3"}), "unknown flag --map-sise; did you mean --map-size?");
  expect_refused(parse({"--map-sise=3"}), "did you mean --map-size?");
  expect_refused(parse({"--entirely-different"}), "unknown flag --entirely-different (");
  expect_refused(parse({"stray"}), "unexpected argument \"stray\"");
  expect_refused(parse({"--map-size", "many"}), "--map-size cannot be \"many\"; it must be a whole number");
  expect_refused(parse({"-k", "-1"}), "a whole number from 0");
  expect_refused(parse({"--map-size"}), "--map-size");
  expect_refused(parse({"-b", "nowhere"}), "\"nowhere\" is no endpoint; write HOST:PORT");
  expect_refused(parse({"--log-level", "loud"}), "--log-level");
  expect_refused(parse({"load", "--windw", "3"}), "did you mean --window?");
  expect_refused(parse({"load", "--window", "wide"}), "--window cannot be \"wide\"; it must be a whole number");
}

TEST_F(Settings, ThatAreWrongInTheEnvironmentOrTheConfigFileAreRefused) {
  expect_refused(parse({"--config", config("replicas = 3\n")}), "replicas");
  set("TRELLIS_MAP_SIZE", "many");
  expect_refused(parse({}), "--map-size cannot be \"many\"; it must be a whole number (from TRELLIS_MAP_SIZE)");
  set("TRELLIS_BROKER", "nowhere");
  set("TRELLIS_MAP_SIZE", "3");
  expect_refused(parse({}), "HOST:PORT, such as 127.0.0.1:7400 (from TRELLIS_BROKER)");
}

TEST_F(Settings, RefuseAConfigFileThatIsNotThere) {
  EXPECT_EQ(parse({"--config", "/nonexistent/trellis.toml"}), 1);
  EXPECT_THAT(err_, HasSubstr("/nonexistent/trellis.toml"));
  set("TRELLIS_CONFIG", "/nonexistent/other.toml");
  EXPECT_EQ(parse({}), 1);
  EXPECT_THAT(err_, HasSubstr("/nonexistent/other.toml"));
}

TEST_F(Settings, OfTheLog) {
  EXPECT_EQ(parse({"--log-level", "debug", "--log-format", "json"}), -1);
  EXPECT_EQ(log_.level, LogLevel::kDebug);
  EXPECT_EQ(log_.format, LogFormat::kJson);
}

TEST(ReportFailure, IsOneLineAndExitCodeOne) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(report_failure("trellis-worker", "port 7410\nis in use"), 1);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "trellis-worker: port 7410 is in use\n");
}

}  // namespace
}  // namespace trellis
