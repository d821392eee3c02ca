#include "gateway/hosts.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "gateway/answer.hpp"
#include "protocol/notation/notation_text.hpp"

namespace trellis {
namespace {

/// Lower case, without the port and a dot at the end.
std::string bare_name(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(0, host.find(']') + 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return name;
}

bool is_address(const std::string& name) {
  in6_addr address{};
  if (inet_pton(AF_INET, name.c_str(), &address) == 1) return true;
  const bool brackets = name.size() > 2 && name.front() == '[' && name.back() == ']';
  return brackets && inet_pton(AF_INET6, name.substr(1, name.size() - 2).c_str(), &address) == 1;
}

}  // namespace

Hosts::Hosts(const Endpoint& listen, const std::vector<std::string>& names)
    : names_{"localhost", "127.0.0.1", "[::1]", bare_name(listen.host)},
      any_address_(listen.host == "0.0.0.0" || listen.host == "[::]" || listen.host == "*") {
  for (const std::string& name : names) names_.insert(bare_name(name));
}

bool Hosts::admit(std::string_view host) const {
  const std::string name = bare_name(host);
  return name.empty() || names_.contains(name) || (any_address_ && is_address(name));
}

HttpResponse Hosts::refusal(std::string_view host) {
  HttpResponse response =
      problem(421, Code::kPermissionDenied,
              "this gateway does not answer to the host " + quoted_excerpt(host) +
                  "; where that is its name, start trellis-gateway with --host " + quoted_excerpt(bare_name(host)));
  response.headers.emplace_back("Connection", "close");
  return response;
}

std::string host_problem(const std::string& name) {
  const bool is_bare = !name.empty() && bare_name(name).size() == name.size();
  const bool is_plain = name.find_first_of(" /@?#\t") == std::string::npos;
  return is_bare && is_plain ? "" : "a host is a name or an address, without a port: db.example.org, [2001:db8::7]";
}

}  // namespace trellis
