#include "cli/local/network_probe.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace trellis {
namespace {

constexpr int kConnectTimeout = 300;    // ms
constexpr int kGreetingTimeout = 1000;  // ms

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Addresses resolve(const std::string& host, const std::string& port) {
  std::string name = host;
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), port.empty() ? nullptr : port.c_str(), &hints, &found) != 0) found = nullptr;
  return {found, &freeaddrinfo};
}

bool same_address(const sockaddr* a, const sockaddr* b) {
  if (a->sa_family != b->sa_family) return false;
  if (a->sa_family == AF_INET) {
    const auto* left = reinterpret_cast<const sockaddr_in*>(a);
    const auto* right = reinterpret_cast<const sockaddr_in*>(b);
    return left->sin_addr.s_addr == right->sin_addr.s_addr;
  }
  if (a->sa_family != AF_INET6) return false;
  const auto* left = reinterpret_cast<const sockaddr_in6*>(a);
  const auto* right = reinterpret_cast<const sockaddr_in6*>(b);
  return std::memcmp(&left->sin6_addr, &right->sin6_addr, sizeof left->sin6_addr) == 0;
}

/// 127.0.0.0/8, though the loopback interface lists only one of them.
bool is_loopback(const sockaddr* address) {
  if (address->sa_family != AF_INET) return false;
  return (ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24) == 127;
}

class Socket {
 public:
  explicit Socket(int family) : fd_(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  bool connect_to(const addrinfo& to) const {
    if (connect(fd_, to.ai_addr, to.ai_addrlen) == 0) return true;
    if (errno != EINPROGRESS || !wait_for(POLLOUT, kConnectTimeout)) return false;
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  /// ZMTP 3: the first ten bytes are 0xff, eight of no matter, 0x7f.
  bool greets_as_zeromq() const {
    std::string greeting;
    while (greeting.size() < 10) {
      char bytes[64];
      if (!wait_for(POLLIN, kGreetingTimeout)) return false;
      const ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
      if (got <= 0) return false;
      greeting.append(bytes, static_cast<std::size_t>(got));
    }
    return greeting[0] == '\xff' && greeting[9] == '\x7f';
  }

 private:
  bool wait_for(short events, int timeout) const {
    pollfd item{fd_, events, 0};
    return poll(&item, 1, timeout) > 0;
  }
  int fd_;
};

}  // namespace

bool is_of_this_machine(const std::string& host) {
  const Addresses wanted = resolve(host, "");
  ifaddrs* listed = nullptr;
  if (getifaddrs(&listed) != 0) listed = nullptr;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> ours(listed, &freeifaddrs);
  for (const addrinfo* address = wanted.get(); address != nullptr; address = address->ai_next) {
    if (is_loopback(address->ai_addr)) return true;
    for (const ifaddrs* own = ours.get(); own != nullptr; own = own->ifa_next) {
      if (own->ifa_addr != nullptr && same_address(own->ifa_addr, address->ai_addr)) return true;
    }
  }
  return false;
}

Listener probe(const Endpoint& endpoint) {
  const Addresses to = resolve(endpoint.host, std::to_string(endpoint.port));
  for (const addrinfo* address = to.get(); address != nullptr; address = address->ai_next) {
    const Socket socket(address->ai_family);
    if (!socket.connect_to(*address)) continue;
    return socket.greets_as_zeromq() ? Listener::kZeroMq : Listener::kOther;
  }
  return Listener::kNobody;
}

}  // namespace trellis
