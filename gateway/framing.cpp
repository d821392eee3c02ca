#include "gateway/framing.hpp"

#include <strings.h>

#include <algorithm>
#include <functional>

#include "gateway/answer.hpp"
#include "protocol/notation/notation_text.hpp"

namespace trellis {
namespace {

using Refusal = std::optional<HttpResponse>;

constexpr std::size_t kLineEnd = 2;  ///< CR LF

bool same_name(std::string_view left, std::string_view right) {
  return left.size() == right.size() && strncasecmp(left.data(), right.data(), left.size()) == 0;
}

Refusal unclear(std::string_view why) {
  HttpResponse response = problem(400, Code::kInvalidArgument, why);
  response.headers.emplace_back("Connection", "close");
  return response;
}

/// RFC 9110, 5.6.2: what names of fields are made of.
bool is_token(std::string_view text) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [kSigns](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kSigns.find(c) != std::string_view::npos;
  });
}

/// RFC 9110, 5.5: blanks, tabs, and what can be seen; bytes from 0x80 are taken as they are.
bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
  });
}

Refusal refuse_target(std::string_view target) {
  const bool visible = std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c != 0x7f; });
  if (!visible) return unclear("a URL holds visible ASCII alone; other bytes are written %hh");
  return {};
}

Refusal refuse_field(std::string_view name, std::string_view value) {
  if (name.ends_with(' ') || name.ends_with('\t')) {
    return unclear("there is a blank between a header's name and its colon (RFC 9112, 5.1)");
  }
  if (!is_token(name)) return unclear("a header's name is " + quoted_excerpt(name) + ", which is no name");
  if (!is_field_value(value)) return unclear("the header " + std::string(name) + " holds a control character");
  return {};
}

/// Where the library has put something together, or left something out, parts do not follow each other.
bool lies_without_gaps(const RequestHead& head) {
  constexpr std::less<> kBefore;  // < is not defined for pointers into different memory.
  const char* const begin = head.method.data();
  const char* const end = begin + head.size;
  const char* at = begin + head.method.size() + 1 + head.target.size() + 1 + head.version.size() + kLineEnd;
  for (const auto& [name, value] : head.fields) {
    if (name.data() != at || kBefore(value.data(), at + name.size() + 1) || kBefore(end, value.data())) return false;
    at = value.data() + value.size() + kLineEnd;
  }
  return at + kLineEnd == end;
}

struct FramingFields {
  std::vector<std::string_view> hosts;
  std::vector<std::string_view> lengths;
  std::vector<std::string_view> codings;
};

/// RFC 9112, 3.2: a request says whom it is for, once.
Refusal refuse_hosts(const RequestHead& head, const FramingFields& fields) {
  if (fields.hosts.size() > 1) return unclear("there is more than one Host header");
  if (fields.hosts.empty() && head.version != "HTTP/1.0") return unclear("a request of HTTP/1.1 has a Host header");
  return {};
}

/// RFC 9112, 6.1 to 6.3: there is one way to tell where a body ends.
Refusal refuse_lengths(const RequestHead& head, const FramingFields& fields) {
  if (!fields.codings.empty()) {
    if (!fields.lengths.empty()) return unclear("Content-Length and Transfer-Encoding exclude each other");
    if (head.version == "HTTP/1.0") return unclear("HTTP/1.0 has no Transfer-Encoding");
    if (fields.codings.size() > 1) return unclear("there is more than one Transfer-Encoding header");
    if (same_name(fields.codings.front(), "chunked")) return {};
    HttpResponse response = problem(501, Code::kUnimplemented,
                                    "Transfer-Encoding " + quoted_excerpt(fields.codings.front()) +
                                        " is not taken; chunked is, and a body with a Content-Length");
    response.headers.emplace_back("Connection", "close");
    return response;
  }
  if (fields.lengths.size() > 1) return unclear("there is more than one Content-Length header");
  if (fields.lengths.empty()) return {};
  const std::string_view length = fields.lengths.front();
  if (length.empty() || length.find_first_not_of("0123456789") != std::string_view::npos) {
    return unclear("Content-Length is a number in decimal digits");
  }
  return {};
}

}  // namespace

std::optional<HttpResponse> refuse_unclear(const RequestHead& head) {
  if (auto refusal = refuse_target(head.target)) return refusal;
  FramingFields framing;
  for (const auto& [name, value] : head.fields) {
    if (auto refusal = refuse_field(name, value)) return refusal;
    if (same_name(name, "Host")) framing.hosts.push_back(value);
    if (same_name(name, "Content-Length")) framing.lengths.push_back(value);
    if (same_name(name, "Transfer-Encoding")) framing.codings.push_back(value);
  }
  if (auto refusal = refuse_hosts(head, framing)) return refusal;
  if (auto refusal = refuse_lengths(head, framing)) return refusal;
  if (lies_without_gaps(head)) return {};
  return unclear(
      "the head is not as RFC 9112 has it: each line ends in CR LF, is not folded into the next one, holds no zero "
      "byte, and a request line has single blanks");
}

}  // namespace trellis
