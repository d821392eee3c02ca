// What a worker is told of a command that came to a broker.
#include <gtest/gtest.h>

#include "protocol/command.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

constexpr std::string_view kArguments = "\x91\xa1k";

/// Options that hold this one and what it needs, valid or not for any command.
Options with(Option option) {
  Options options;
  switch (option) {
    case Option::kTimeout: options.timeout = std::chrono::milliseconds(7); break;
    case Option::kConsistency: options.stale = true; break;
    case Option::kSession:
    case Option::kSeq: options.session = "s"; break;
    case Option::kFloor:
      options.session = "s";
      options.floor = 0;
      break;
    case Option::kIfAbsent: options.if_absent = true; break;
    case Option::kIfVersion: options.if_version = 3; break;
    case Option::kLoad: options.load = true; break;
    case Option::kAtLeast: options.range.at_least = "a"; break;
    case Option::kBelow: options.range.below = "b"; break;
    case Option::kMatch: options.range.match = "c*"; break;
    case Option::kReverse: options.range.reverse = true; break;
    case Option::kIfPresent: options.if_present = true; break;
    case Option::kStrict: options.strict = true; break;
    case Option::kReturn: options.return_document = true; break;
    case Option::kPointer: options.pointer = true; break;
    case Option::kTtl: options.ttl_ms = 5; break;
    case Option::kAllowFewer: options.allow_fewer = true; break;
    case Option::kDryRun: options.dry_run = true; break;
    case Option::kAs: options.as = "anna"; break;
  }
  return options;
}

std::string packed(const Options& options) {
  std::string out;
  pack_options(out, options);
  return out;
}

/// The first command that takes the option.
Command command_with(Option option) {
  for (const CommandRow& row : command_rows()) {
    if (row.options.has(option)) return row.command;
  }
  ADD_FAILURE() << row_of(option).name;
  return Command::kPing;
}

TEST(CommandBody, IsTheArgumentsAndTheOptionsThatAreNotTheBrokers) {
  for (const OptionRow& row : option_rows()) {
    const Options options = with(row.option);
    const bool is_brokers = row.of_whole_request || row.option == Option::kConsistency;
    EXPECT_EQ(are_for_worker(options), !is_brokers) << row.name;
    const std::string behind = is_brokers ? "" : packed(options);
    EXPECT_EQ(command_body(kArguments, options), std::string(kArguments) + behind) << row.name;
    // The same where it is cut out of a client's request.
    const std::string frame = pack_request(1, command_with(row.option), kArguments, options);
    const auto read = read_request(frame);
    ASSERT_TRUE(std::holds_alternative<Request>(read)) << row.name;
    EXPECT_EQ(std::get<Request>(read).body, std::string(kArguments) + behind) << row.name;
  }
}

TEST(CommandBody, LiesInTheRequestThatItIsReadFrom) {
  for (const char* options : {"", "\xc0", "\x80", "\x81\xa9if_absent\xc3"}) {
    const std::string head = std::string("\x95\x01\x07\xa3SET\x92\xa1k\x01", 11);
    std::string frame = head + options;
    if (*options == '\0') frame[0] = '\x94';
    const auto read = read_request(frame);
    ASSERT_TRUE(std::holds_alternative<Request>(read)) << options;
    const std::string_view body = std::get<Request>(read).body;
    EXPECT_GE(body.data(), frame.data());
    EXPECT_LE(body.data() + body.size(), frame.data() + frame.size());
    EXPECT_EQ(body.size(), *options == '\x81' ? 4 + 12u : 4u) << "the arguments, and what says anything";
  }
}

TEST(CommandBody, IsReadWithItsArgumentsAndOptions) {
  Options options;
  options.if_version = 9;
  options.ttl_ms = 1'000;
  const std::string body = command_body("\x92\xa1k\x01", options);
  const BatchItem item = read_command_body(Command::kPut, body);
  ASSERT_FALSE(item.error);
  EXPECT_EQ(item.command, Command::kPut);
  EXPECT_EQ(item.arguments, "\x92\xa1k\x01");
  EXPECT_EQ(item.options.if_version, 9u);
  EXPECT_EQ(item.options.ttl_ms, 1'000u);
  EXPECT_EQ(read_command_body(Command::kCount, "\xc0").arguments, "\x90") << "nil means none, as in a request";
}

TEST(CommandBody, IsRefusedWhereItIsCutOffOrHoldsMore) {
  Options options;
  options.if_version = 9;
  const std::string body = command_body("\x92\xa1k\x01", options);
  for (std::size_t size = 0; size < body.size(); ++size) {
    if (size == 4) continue;  // The arguments alone are whole.
    EXPECT_TRUE(read_command_body(Command::kPut, std::string_view(body).substr(0, size)).error) << size;
  }
  EXPECT_TRUE(read_command_body(Command::kGet, body).error) << "an option of another command";
  for_each_mutation(body, 10'000, 1, [](const std::string& broken) {
    const BatchItem item = read_command_body(Command::kPut, broken);
    EXPECT_TRUE(item.error || item.arguments.size() <= broken.size());
  });
}

}  // namespace
}  // namespace trellis
