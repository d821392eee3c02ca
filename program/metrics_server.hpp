// MetricsServer: GET /metrics for Prometheus, from the HTTP library's thread.
//
// The loop of a program publishes its metrics as text now and then; the server hands out the latest text and never
// touches anything else of the program, so a slow reader costs the loop nothing.  Many connections are served side by
// side, and each one is ended kPatience after it was opened, so a peer that stalls, or sends a byte now and then, holds
// nobody up: it is for the operator's own collector.
// Threading: publish() and is_due() from one thread, the rest inside.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "program/connections.hpp"
#include "protocol/endpoint.hpp"
#include "protocol/types.hpp"

struct MHD_Daemon;

namespace trellis {

class MetricsServer {
 public:
  static constexpr std::chrono::milliseconds kPublishEvery{500};
  static constexpr unsigned kConnectionsMax = 128;
  static constexpr std::chrono::seconds kPatience{10};

  /// Listens.  Error: it cannot, and why.
  static Result<std::unique_ptr<MetricsServer>> listen(const Endpoint& endpoint);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  /// Whether it is time for newer text.
  bool is_due(TimePoint now) const { return now >= due_; }
  /// Also ends the connections that have been there for too long.
  void publish(TimePoint now, std::string text);

 private:
  MetricsServer() = default;
  struct Callbacks;  ///< The library's, on its thread.

  MHD_Daemon* daemon_ = nullptr;
  Connections connections_;
  TimePoint due_{};
  std::mutex mutex_;
  std::shared_ptr<const std::string> text_ = std::make_shared<const std::string>();
};

}  // namespace trellis
