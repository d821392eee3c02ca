// MetricsServer: GET /metrics for Prometheus, from a thread of its own.
//
// The loop of a program publishes its metrics as text now and then; the server hands out the latest text and never
// touches anything else of the program, so a slow reader costs the loop nothing.  One connection at a time, each with
// a bound in time and bytes: it is for the operator's own collector.
// Threading: publish() and is_due() from one thread, the rest inside.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "protocol/endpoint.hpp"
#include "protocol/types.hpp"

namespace trellis {

class MetricsServer {
 public:
  static constexpr std::chrono::milliseconds kPublishEvery{500};

  /// Listens.  Error: it cannot, and why.
  static Result<std::unique_ptr<MetricsServer>> listen(const Endpoint& endpoint);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  /// Whether it is time for newer text.
  bool is_due(TimePoint now) const { return now >= due_; }
  void publish(TimePoint now, std::string text);

 private:
  explicit MetricsServer(int listening);
  void serve();
  void answer(int connection);

  const int listening_;
  const int wake_;  ///< An eventfd: the end.
  TimePoint due_{};
  std::mutex mutex_;
  std::shared_ptr<const std::string> text_;
  std::thread thread_;
};

}  // namespace trellis
