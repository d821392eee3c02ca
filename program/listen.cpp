#include "program/listen.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace trellis {
namespace {

constexpr int kBacklog = 1024;

Error cannot_listen(const Endpoint& endpoint, const std::string& why) {
  return {Code::kUnavailable, "cannot listen at " + endpoint.text() + ": " + why};
}

int listening_socket(const addrinfo& at) {
  const int fd = socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, at.ai_addr, at.ai_addrlen) == 0 && listen(fd, kBacklog) == 0) return fd;
  const int why = errno;
  close(fd);
  errno = why;
  return -1;
}

}  // namespace

Result<int> listen_at(const Endpoint& endpoint) {
  std::string host = endpoint.host == "*" ? "0.0.0.0" : endpoint.host;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int problem = getaddrinfo(host.c_str(), std::to_string(endpoint.port).c_str(), &wanted, &list);
  if (problem != 0) return cannot_listen(endpoint, gai_strerror(problem));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    if (const int fd = listening_socket(*at); fd >= 0) return fd;
  }
  return cannot_listen(endpoint,
                       std::strerror(errno) + std::string("; another port is chosen with --listen HOST:PORT"));
}

}  // namespace trellis
