#include "program/metrics_server.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "program/listen.hpp"
#include "protocol/check.hpp"

namespace trellis {
namespace {

constexpr std::size_t kRequestMax = 8 << 10;  // Bytes
constexpr timeval kPatience{2, 0};            // For each read and write.
constexpr int kReadsMax = 16;

/// Up to the empty line; "" where it does not come.
std::string read_head(int connection) {
  std::string head;
  for (int i = 0; i < kReadsMax && head.size() < kRequestMax; ++i) {
    char buffer[1024];
    const ssize_t got = recv(connection, buffer, sizeof buffer, 0);
    if (got <= 0) return "";
    head.append(buffer, static_cast<std::size_t>(got));
    if (head.find("\r\n\r\n") != std::string::npos) return head;
  }
  return "";
}

void write_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string response(std::string_view status, std::string_view body) {
  std::string out = "HTTP/1.1 ";
  out.append(status).append("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: ");
  out.append(std::to_string(body.size())).append("\r\nConnection: close\r\n\r\n").append(body);
  return out;
}

}  // namespace

Result<std::unique_ptr<MetricsServer>> MetricsServer::listen(const Endpoint& endpoint) {
  auto fd = listen_at(endpoint);
  if (!fd) return Error{fd.error().code, "metrics: " + fd.error().message};
  return std::unique_ptr<MetricsServer>(new MetricsServer(*fd));
}

MetricsServer::MetricsServer(int listening)
    : listening_(listening), wake_(eventfd(0, EFD_CLOEXEC)), text_(std::make_shared<const std::string>()) {
  CHECK(wake_ >= 0);
  // Signals are for the loop's thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { serve(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

MetricsServer::~MetricsServer() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
  thread_.join();
  close(wake_);
  close(listening_);
}

void MetricsServer::publish(TimePoint now, std::string text) {
  due_ = now + kPublishEvery;
  auto fresh = std::make_shared<const std::string>(std::move(text));
  const std::lock_guard lock(mutex_);
  text_.swap(fresh);
}

void MetricsServer::serve() {
  for (;;) {
    pollfd items[2] = {{listening_, POLLIN, 0}, {wake_, POLLIN, 0}};
    if (poll(items, 2, -1) < 0) continue;
    if (items[1].revents != 0) return;
    const int connection = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    answer(connection);
    close(connection);
  }
}

void MetricsServer::answer(int connection) {
  const std::string head = read_head(connection);
  if (head.empty()) return;
  if (!head.starts_with("GET /metrics ")) return write_all(connection, response("404 Not Found", "GET /metrics\n"));
  std::shared_ptr<const std::string> text;
  {
    const std::lock_guard lock(mutex_);
    text = text_;
  }
  write_all(connection, response("200 OK", *text));
}

}  // namespace trellis
