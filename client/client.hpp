// The client library: calls to a Trellis cluster, many under way at once.
//
// A CallTable decides; this file gives it sockets and a clock: one ZeroMQ DEALER a broker, whose connections coming and
// going it watches.  One thread uses a Client; only wake() may be called from others (and from signal handlers).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/call_table.hpp"
#include "program/user_key.hpp"

namespace trellis {

class Client {
 public:
  using OnAnswer = std::function<void(Answer)>;
  /// What a call does while no broker has ever been reached: wait for one to start, up to its deadline, or end as soon
  /// as all of them refuse connections.
  enum class Absent : std::uint8_t { kAwait, kTell };

  /// Connects in the background.
  /// @param endpoints  brokers' frontends as tcp://host:port; the first that answers is used
  /// @param user       whose key is shown there; nothing: none is, and the brokers' are not asked for
  explicit Client(std::vector<std::string> endpoints, Absent absent = Absent::kAwait,
                  std::optional<UserKey> user = std::nullopt);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Begins a call; `on_answer` is called once, from inside run().
  std::uint64_t start(Command command, std::string_view arguments, const Options& options, OnAnswer on_answer);
  /// Drops a call: its `on_answer` is destroyed and never called.
  void forget(std::uint64_t id);
  /// Handles what has arrived and what is due; where there is nothing yet, waits up to `wait` for it.
  void run(std::chrono::milliseconds wait);
  /// Ends the wait of run() in the other thread, now or the next one.
  void wake();

  /// Begins a call and waits for its answer.
  /// @param interrupted  looked at whenever a signal or wake() ends a wait: true gives the call up
  Answer call(Command command, std::string_view arguments, const Options& options,
              const std::function<bool()>& interrupted = {});

  std::size_t under_way() const;

 private:
  class Sockets;
  std::unique_ptr<Sockets> sockets_;
};

}  // namespace trellis
