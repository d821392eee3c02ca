// Heads of requests whose end is not clear are refused: RFC 9112, sections 3.2, 5.1, 5.2 and 6.1 to 6.3.
#include "gateway/framing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>

namespace trellis {
namespace {

using testing::HasSubstr;

/// A head as the HTTP library leaves it in its buffer, and what it makes of it: lines end at LF, CR in front of it is
/// taken off, a value begins behind blanks and ends at a zero byte, a folded line is put behind the name.
class ParsedHead {
 public:
  explicit ParsedHead(std::string text) : text_(std::move(text)) {
    std::size_t at = 0;
    const std::string_view first = take_line(at);
    const std::size_t target_at = first.find(' ') + 1;
    const std::size_t target_end = first.rfind(' ');
    head_.method = first.substr(0, target_at - 1);
    head_.target = first.substr(target_at, target_end - target_at);
    head_.version = first.substr(target_end + 1);
    while (at < text_.size()) {
      const std::string_view line = take_line(at);
      if (line.empty()) break;
      if (line.front() == ' ' || line.front() == '\t') {
        folded_.push_back(std::string(head_.fields.back().first) + std::string(line.substr(1)));
        head_.fields.back().first = folded_.back();
        continue;
      }
      const std::size_t colon = line.find(':');
      std::string_view value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
      head_.fields.emplace_back(line.substr(0, colon), value.substr(0, value.find('\0')));
    }
    head_.size = at;
  }
  const RequestHead& head() const { return head_; }

 private:
  std::string_view take_line(std::size_t& at) {
    const std::size_t end = text_.find('\n', at);
    std::string_view line = std::string_view(text_).substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  const std::string text_;
  std::list<std::string> folded_;
  RequestHead head_;
};

/// "" where the head is good, else status and body.
std::string refused(const std::string& text) {
  const ParsedHead parsed(text);
  const auto refusal = refuse_unclear(parsed.head());
  if (!refusal) return "";
  EXPECT_NE(refusal->header("Connection"), nullptr) << "the connection is to be closed";
  return std::to_string(refusal->status) + " " + refusal->body;
}

std::string put(const std::string& fields) { return "PUT /v1/keys/k HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n"; }

TEST(Framing, GoodHeadsAreTaken) {
  EXPECT_EQ(refused(put("")), "");
  EXPECT_EQ(refused(put("Content-Length: 2\r\n")), "");
  EXPECT_EQ(refused(put("content-length:2\r\n")), "") << "a blank behind the colon is not needed";
  EXPECT_EQ(refused(put("X: \t  many blanks in front\r\n")), "");
  EXPECT_EQ(refused(put("X:\r\n")), "") << "a value may be empty";
  EXPECT_EQ(refused(put("Transfer-Encoding: Chunked\r\n")), "");
  EXPECT_EQ(refused("GET / HTTP/1.0\r\n\r\n"), "") << "HTTP/1.0 knew no Host";
  EXPECT_EQ(refused("GET / HTTP/1.0\r\nContent-Length: 0\r\n\r\n"), "");
  EXPECT_EQ(refused(put("X: caf\xc3\xa9\r\n")), "");
}

TEST(Framing, ThereIsOneLength) {
  EXPECT_THAT(refused(put("Content-Length: 2\r\nContent-Length: 3\r\n")), HasSubstr("more than one Content-Length"));
  EXPECT_THAT(refused(put("Content-Length: 2\r\nContent-Length: 2\r\n")), HasSubstr("more than one Content-Length"));
  EXPECT_THAT(refused(put("Content-Length: 2, 2\r\n")), HasSubstr("decimal digits"));
  EXPECT_THAT(refused(put("Content-Length: +2\r\n")), HasSubstr("decimal digits"));
  EXPECT_THAT(refused(put("Content-Length:\r\n")), HasSubstr("decimal digits"));
}

TEST(Framing, ChunksAndALengthExcludeEachOther) {
  EXPECT_THAT(refused(put("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n")), HasSubstr("exclude each other"));
  EXPECT_THAT(refused("PUT / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), HasSubstr("HTTP/1.0"));
}

TEST(Framing, ATransferCodingThatIsNotKnownIsNotImplemented) {
  EXPECT_THAT(refused(put("Transfer-Encoding: gzip\r\n")), HasSubstr("501 "));
  EXPECT_THAT(refused(put("Transfer-Encoding: gzip, chunked\r\n")), HasSubstr("501 "));
  EXPECT_THAT(refused(put("Transfer-Encoding: \"chunked\"\r\n")), HasSubstr("501 "));
  EXPECT_THAT(refused(put("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), HasSubstr("400 "));
}

TEST(Framing, ARequestSaysOnceWhomItIsFor) {
  EXPECT_THAT(refused("GET / HTTP/1.1\r\n\r\n"), HasSubstr("has a Host header"));
  EXPECT_THAT(refused("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"), HasSubstr("more than one Host"));
}

TEST(Framing, NamesAreTokensAndStandAtTheirColon) {
  EXPECT_THAT(refused(put("Content-Length : 2\r\n")), HasSubstr("blank between"));
  EXPECT_THAT(refused(put("Content-Length\t: 2\r\n")), HasSubstr("blank between"));
  EXPECT_THAT(refused(put(": 2\r\n")), HasSubstr("no name"));
  EXPECT_THAT(refused(put("a b: 2\r\n")), HasSubstr("no name"));
  EXPECT_THAT(refused(put("X: a\x01\r\n")), HasSubstr("control character"));
  EXPECT_THAT(refused(put("X: a\rY: b\r\n")), HasSubstr("control character")) << "CR alone";
}

TEST(Framing, LinesEndInCrLfAndAreNotFolded) {
  EXPECT_THAT(refused(put("X: a\nY: b\r\n")), HasSubstr("CR LF"));
  EXPECT_THAT(refused("GET / HTTP/1.1\nHost: x\r\n\r\n"), HasSubstr("CR LF"));
  EXPECT_THAT(refused("GET / HTTP/1.1\r\nHost: x\r\n\n"), HasSubstr("CR LF"));
  EXPECT_THAT(refused(put("Content-Length: 2\r\n 0\r\n")), HasSubstr("400 ")) << "folded: the library reads 2";
  EXPECT_THAT(refused(put("X: a\r\n\tb\r\n")), HasSubstr("400 "));
}

TEST(Framing, NothingHidesBehindAZeroByte) {
  EXPECT_THAT(refused(put(std::string("X: a\0b\r\nY: c\r\n", 14))), HasSubstr("zero byte"));
  EXPECT_THAT(refused(put(std::string("Content-Length: 2\0 0\r\n", 22))), HasSubstr("zero byte"));
}

TEST(Framing, ATargetIsVisibleAscii) {
  EXPECT_THAT(refused("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("visible ASCII"));
  EXPECT_THAT(refused("GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("visible ASCII"));
}

}  // namespace
}  // namespace trellis
