// HTTP messages as the gateway's core sees them: no socket, nothing of the library that speaks HTTP.
//
//   target "/v1/keys/a%2Fb?limit=10"  ->  segments {"v1", "keys", "a/b"}, parameters {{"limit", "10"}}
//
// Bytes of a key that may not stand in a URL are written %hh; every byte is legal in a key.  Pure; safe from any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/command_table.hpp"
#include "protocol/result.hpp"

namespace trellis {

std::string_view name_of(Method method);
std::optional<Method> method_of(std::string_view name);

/// A request's target, percent-decoded after it was split.
struct Target {
  std::string authority;              ///< Host and perhaps port of a whole URL, which a proxy sends; else empty.
  std::vector<std::string> segments;  ///< Segments of the path; at least one, "" for the path "/".
  std::vector<std::pair<std::string, std::string>> parameters;  ///< The query, in its order; + is a blank.
};
/// Takes a path or, as proxies send it, a whole URL (RFC 9112, 3.2.1 and 3.2.2).
/// Error: kInvalidArgument, for another form, or a % that is not followed by two hex digits.
Result<Target> read_target(std::string_view target);
/// Writes bytes so that they can stand as one segment of a path, or as a value in a query.
std::string percent_encoded(std::string_view bytes);

/// The request headers that mean something here; empty where one is missing.
struct RequestHeaders {
  std::string accept;
  std::string content_type;
  std::string if_match;
  std::string if_none_match;
  std::string idempotency_key;
  std::string ttl;  ///< Trellis-TTL
  std::string host;
  std::string origin;
  std::string authorization;
};

struct HttpRequest {
  Method method = Method::kGet;
  Target target;
  RequestHeaders headers;
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Besides Content-Type and Content-Length.
  std::string body;

  const std::string* header(std::string_view name) const;
};

/// "Not Found" for 404.
std::string_view reason_of(int status);

}  // namespace trellis
