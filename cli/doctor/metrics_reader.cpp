#include "cli/doctor/metrics_reader.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <memory>

namespace trellis {
namespace {

constexpr timeval kPatience{3, 0};
/// Bytes; 256 workers with 1,024 partitions tell less.
constexpr std::size_t kTextMax = 64 << 20;

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Addresses resolve(const Endpoint& endpoint) {
  std::string name = endpoint.host;
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) != 0) found = nullptr;
  return {found, &freeaddrinfo};
}

class Connection {
 public:
  explicit Connection(const addrinfo& to) : fd_(socket(to.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);  // It is the patience of connect(), too.
    is_open_ = fd_ >= 0 && connect(fd_, to.ai_addr, to.ai_addrlen) == 0;
  }
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_open() const { return is_open_; }

  /// What comes until the other side closes; as much as came where it fell silent.
  std::string exchange(std::string_view request) const {
    std::string answer;
    if (send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return answer;
    char bytes[1 << 16];
    for (ssize_t got = 0; answer.size() < kTextMax && (got = recv(fd_, bytes, sizeof bytes, 0)) > 0;) {
      answer.append(bytes, static_cast<std::size_t>(got));
    }
    return answer;
  }

 private:
  int fd_;
  bool is_open_ = false;
};

Error unreadable(std::string why) { return {Code::kUnavailable, std::move(why)}; }

}  // namespace

MetricValues parse_metrics(std::string_view text) {
  MetricValues values;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t blank = line.rfind(' ');
    if (line.starts_with('#') || blank == std::string_view::npos) continue;
    double value = 0;
    const char* const end = line.data() + line.size();
    if (std::from_chars(line.data() + blank + 1, end, value).ptr == end) values.emplace(line.substr(0, blank), value);
  }
  return values;
}

Result<MetricValues> read_metrics(const Endpoint& endpoint) {
  const Addresses addresses = resolve(endpoint);
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    const Connection connection(*address);
    if (!connection.is_open()) continue;
    // HTTP/1.0: the answer ends with the connection, and is not in chunks.
    const std::string answer = connection.exchange("GET /metrics HTTP/1.0\r\nHost: " + endpoint.text() + "\r\n\r\n");
    const std::size_t head = answer.find("\r\n\r\n");
    if (head == std::string::npos || answer.find(" 200 ") > answer.find("\r\n"))
      return unreadable("no metrics are served there");
    return parse_metrics(std::string_view(answer).substr(head + 4));
  }
  return unreadable("nothing listens there");
}

}  // namespace trellis
