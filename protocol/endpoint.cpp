#include "protocol/endpoint.hpp"

#include <charconv>

namespace trellis {
namespace {

constexpr std::string_view kScheme = "tcp://";
constexpr std::size_t kHostSizeMax = 253;  ///< RFC 1035, section 2.3.4, as text.

bool is_host_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
}

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > kHostSizeMax) return false;
  if (host == "*") return true;  // All interfaces, to bind to.
  if (host.front() == '[') {
    return host.size() > 2 && host.back() == ']' &&
           host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.%") == std::string_view::npos;
  }
  for (const char c : host) {
    if (!is_host_char(c)) return false;
  }
  return true;
}

}  // namespace

Result<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return invalid_argument("\"" + std::string(text) + "\" is no port; a port is a number from 1 to 65535");
  }
  return port;
}

Result<Endpoint> read_endpoint(std::string_view text) {
  std::string_view rest = text;
  if (rest.substr(0, kScheme.size()) == kScheme) rest.remove_prefix(kScheme.size());
  const std::size_t colon = rest.rfind(':');
  const bool split = colon != std::string_view::npos;
  const auto port = read_port(split ? rest.substr(colon + 1) : std::string_view());
  if (!split || !port || !is_host(rest.substr(0, colon))) {
    return invalid_argument("\"" + std::string(text) + "\" is no endpoint; write HOST:PORT, such as 127.0.0.1:7400");
  }
  return Endpoint{std::string(rest.substr(0, colon)), *port};
}

}  // namespace trellis
