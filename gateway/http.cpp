#include "gateway/http.hpp"

#include <strings.h>

#include <algorithm>
#include <array>

namespace trellis {
namespace {

struct MethodName {
  Method method;
  std::string_view name;
};
constexpr std::array<MethodName, 6> kMethods = {{
    {Method::kGet, "GET"},
    {Method::kHead, "HEAD"},
    {Method::kPut, "PUT"},
    {Method::kPost, "POST"},
    {Method::kDelete, "DELETE"},
    {Method::kPatch, "PATCH"},
}};

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

/// @param plus_is_blank  as forms write it, in the query alone
Result<std::string> decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
      if (low < 0) return invalid_argument("a % in the URL is not followed by two hex digits; % itself is written %25");
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

/// The size of "http://" or "https://" in front, in upper or lower case; 0: neither is there.
std::size_t scheme_size(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (url.size() >= scheme.size() && strncasecmp(url.data(), scheme.data(), scheme.size()) == 0) return scheme.size();
  }
  return 0;
}

/// Takes the part in front of the next `separator` off `rest`; nothing once all parts are taken.
std::optional<std::string_view> take_part(std::optional<std::string_view>& rest, char separator) {
  if (!rest) return std::nullopt;
  const std::string_view all = *rest;
  const std::size_t end = all.find(separator);
  rest = end == std::string_view::npos ? std::nullopt : std::optional(all.substr(end + 1));
  return all.substr(0, end);
}

}  // namespace

std::string_view name_of(Method method) {
  return std::find_if(kMethods.begin(), kMethods.end(), [method](const auto& row) { return row.method == method; })
      ->name;
}

std::optional<Method> method_of(std::string_view name) {
  for (const auto& row : kMethods) {
    if (row.name == name) return row.method;
  }
  return std::nullopt;
}

Result<Target> read_target(std::string_view target) {
  Target result;
  if (!target.starts_with('/')) {
    const std::size_t scheme = scheme_size(target);
    if (scheme == 0) return invalid_argument("the target of a request is a path that begins with /, or a whole URL");
    target.remove_prefix(scheme);
    const std::size_t path_at = std::min(target.find_first_of("/?#"), target.size());
    result.authority = target.substr(0, path_at);
    target.remove_prefix(path_at);
    if (result.authority.empty() || result.authority.find('@') != std::string::npos) {
      return invalid_argument("a URL names a host, and nobody in front of an @");
    }
  }
  const std::size_t question = target.find('?');
  std::string_view path = target.substr(0, question);
  if (path.starts_with('/')) path.remove_prefix(1);
  std::optional<std::string_view> rest = path;
  while (const auto part = take_part(rest, '/')) {
    auto segment = decoded(*part, false);
    if (!segment) return segment.error();
    result.segments.push_back(std::move(*segment));
  }
  rest = question == std::string_view::npos ? std::nullopt : std::optional(target.substr(question + 1));
  while (const auto part = take_part(rest, '&')) {
    if (part->empty()) continue;
    const std::size_t equals = part->find('=');
    auto name = decoded(part->substr(0, equals), true);
    auto value = decoded(equals == std::string_view::npos ? "" : part->substr(equals + 1), true);
    if (!name) return name.error();
    if (!value) return value.error();
    result.parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return result;
}

std::string percent_encoded(std::string_view bytes) {
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char byte : bytes) {
    if (kUnreserved.find(byte) != std::string_view::npos) {
      out.push_back(byte);
      continue;
    }
    const auto value = static_cast<unsigned char>(byte);
    out.append({'%', kHexDigits[value >> 4], kHexDigits[value & 15]});
  }
  return out;
}

const std::string* HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 421: return "Misdirected Request";
    case 431: return "Request Header Fields Too Large";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Error";
  }
}

}  // namespace trellis
