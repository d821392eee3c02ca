// What packers of other languages write, each byte string as it came from one of them.
#include "protocol/lenient.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/command.hpp"

namespace trellis {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

/// The request [1, id, command, arguments, options] of packed parts.
std::string frame(const std::string& id, const std::string& command, const std::string& arguments,
                  const std::string& options) {
  return "\x95\x01" + id + command + arguments + options;
}
const std::string kId = "\x07";
const std::string kGet = "\xa3GET";
const std::string kPut = "\xa3PUT";
const std::string kKey = "\x91\xa1k";         // ["k"]
const std::string kRecord = "\x92\xa1k\x05";  // ["k", 5]

Request taken(const std::string& bytes) {
  const auto read = read_request(bytes);
  const auto* bad = std::get_if<BadRequest>(&read);
  EXPECT_EQ(bad, nullptr) << (bad != nullptr ? bad->error.message : "");
  return bad != nullptr ? Request{} : std::get<Request>(read);
}

std::string refusal(const std::string& bytes) {
  const auto read = read_request(bytes);
  const auto* bad = std::get_if<BadRequest>(&read);
  return bad != nullptr ? bad->error.message : "";
}

TEST(Lenient, AnEmptyArrayIsNoOptions) {
  EXPECT_EQ(taken(frame(kId, kGet, kKey, "\x90")).command, Command::kGet);
  EXPECT_EQ(taken(frame(kId, kGet, kKey, "\xdc\x00\x00"s)).command, Command::kGet);
  EXPECT_THAT(refusal(frame(kId, kGet, kKey, "\x91\xc0")), HasSubstr("options must be a map or nil"));
}

TEST(Lenient, NilIsNoArguments) {
  const Request ping = taken(frame(kId, "\xa4PING", "\xc0", "\x80"));
  EXPECT_TRUE(read_nothing(ping.arguments));
  const Request keys = taken(frame(kId, "\xa4KEYS", "\xc0", "\x80"));
  EXPECT_TRUE(read_page(keys.arguments));
  const Request get = taken(frame(kId, kGet, "\xc0", "\x80"));
  EXPECT_FALSE(read_key(get.arguments));
}

TEST(Lenient, AWholeFloatIsAnInteger) {
  const std::string two_to_32 = "\xcb\x41\xf0\x00\x00\x00\x00\x00\x00"s;
  EXPECT_EQ(taken(frame(two_to_32, kGet, kKey, "\x80")).id, std::uint64_t{1} << 32);
  EXPECT_EQ(taken(frame(kId, kPut, kRecord, "\x81\xaaif_version" + two_to_32)).options.if_version,
            std::uint64_t{1} << 32);
  const Request write = taken(frame(kId, kPut, kRecord, "\x82\xa7session\xa1s\xa3seq" + two_to_32));
  EXPECT_EQ(write.options.seq, std::uint64_t{1} << 32);
  const std::string five_thousand = "\xcb\x40\xb3\x88\x00\x00\x00\x00\x00"s;
  EXPECT_EQ(taken(frame(kId, kGet, kKey, "\x81\xaatimeout_ms" + five_thousand)).options.timeout.count(), 5000);
  const std::string page = "\x92\xa0\xcb\x40\x59\x00\x00\x00\x00\x00\x00"s;  // ["", 100.0]
  EXPECT_EQ(read_page(page)->limit, 100u);
  const std::string position = "\x91\x92\xa1k\xca\x40\x00\x00\x00"s;  // [["k", 2.0f]]
  EXPECT_EQ(std::get<std::uint64_t>(read_query(position)->path.at(0)), 2u);
}

TEST(Lenient, AFloatThatMayStandForAnotherIntegerIsRefused) {
  const auto id = [](double value) {
    std::string packed;
    PackedWriter(packed).float64(value);
    return refusal(frame(packed, kGet, kKey, "\x80"));
  };
  EXPECT_EQ(id(static_cast<double>(kWholeFloatMax)), "");
  EXPECT_THAT(id(static_cast<double>(kWholeFloatMax) * 2), HasSubstr("id must be a uint"));
  EXPECT_THAT(id(0.5), HasSubstr("id must be a uint"));
  EXPECT_THAT(id(-1), HasSubstr("id must be a uint"));
  EXPECT_THAT(id(std::numeric_limits<double>::quiet_NaN()), HasSubstr("id must be a uint"));
  EXPECT_THAT(id(std::numeric_limits<double>::infinity()), HasSubstr("id must be a uint"));
  EXPECT_EQ(id(-0.0), "");
}

TEST(Lenient, TextMayComeAsBin) {
  const Request get = taken(frame(kId, "\xc4\x03GET"s, kKey,
                                  "\x81\xc4\x0b"
                                  "consistency\xc4\x05stale"));
  EXPECT_EQ(get.command, Command::kGet);
  EXPECT_TRUE(get.options.stale);
  const std::string arguments =
      "\x91\x92\xa1k\xc4\x01"
      "a"s;  // [["k", bin "a"]]
  const auto query = read_query(arguments);
  EXPECT_EQ(std::get<std::string_view>(query->path.at(0)), "a");
  EXPECT_THAT(read_query("\x91\x92\xa1k\xc4\x01\xff"s).error().message,
              HasSubstr("step 1 of the path must be a str or an int from 0"));
  EXPECT_EQ(read_batch("\x91\x91\x92\xc4\x03GET\x91\xa1k"s)->at(0).command, Command::kGet);
  EXPECT_EQ(read_compute("\x92\xc4\x01x\x81\xc4\x01x\x91\xa1k"s)->variables.at(0).name, "x");
  EXPECT_EQ(read_compute("\x92\xa1"
                         "1\x90"s)
                ->variables.size(),
            0u);
}

TEST(Lenient, ABrokenRequestSaysWhereItBreaks) {
  const std::string whole = frame(kId, kPut, kRecord, "\x80");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(refusal(whole.substr(0, size)),
              "not valid MessagePack: the request ends early at byte " + std::to_string(size));
  }
  EXPECT_EQ(refusal(""), "not valid MessagePack: the request ends early at byte 0");
  EXPECT_EQ(refusal("\x94\x01\x07\xc1"),
            "not valid MessagePack: the request has the byte 0xc1, which begins no value, at byte 3");
  EXPECT_EQ(refusal("\xdd\xff\xff\xff\xff\x01"), "not valid MessagePack: the request ends early at byte 6");
  EXPECT_THAT(refusal(whole + "x"), HasSubstr("bytes after the request"));
}

}  // namespace
}  // namespace trellis
