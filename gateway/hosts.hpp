// The names that the gateway answers to.
//
// A page of another site can let its own name resolve to the gateway's address; for the browser Host and Origin then
// agree.  So a request is served only where Host is a name that the operator knows: loopback's names, the address that
// is listened at, and those of --host.  At a wildcard every address is one that is listened at: no page can have an
// address for a name without being served from there.
// Pure; safe from any thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http.hpp"
#include "protocol/endpoint.hpp"

namespace trellis {

class Hosts {
 public:
  /// @param names  of --host, without ports
  Hosts(const Endpoint& listen, const std::vector<std::string>& names);

  /// @param host  as the header or the target has it, perhaps with a port; empty where HTTP/1.0 sent none
  bool admit(std::string_view host) const;
  /// 421 (RFC 9110, 15.5.20), for a host that is not admitted.
  static HttpResponse refusal(std::string_view host);

 private:
  std::set<std::string> names_;
  bool any_address_ = false;
};

/// What is wrong with a name for --host; empty: nothing.
std::string host_problem(const std::string& name);

}  // namespace trellis
