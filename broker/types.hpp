// What the broker's parts share: addresses of partners, and the interface that the core answers into.
#pragma once

#include <string>
#include <string_view>

#include "protocol/cluster/bundle.hpp"
#include "protocol/frame.hpp"
#include "protocol/log_level.hpp"

namespace trellis {

/// Where a client is: the routing id that the frontend gave its connection, and the envelope that came in front of its
/// request (frames up to and including the first empty one; often none), which goes back in front of the reply.
struct ClientAddress {
  std::string_view routing_id;
  const Frames& envelope;
};

/// The routing id that the backend gave a worker's connection.  A new connection has a new one.
using BackendAddress = std::string;

/// Who sent a client's message, as its connection has shown.
struct Asker {
  static constexpr std::uint64_t kAnybody = UINT64_MAX;
  static constexpr std::uint64_t kMember = 0;

  std::uint64_t user = kAnybody;  ///< A user's number.

  bool is_anybody() const { return user == kAnybody; }  ///< The frontend has no keys.
  bool is_member() const { return user == kMember; }    ///< It has shown the cluster's own key.
};

/// What becomes of a connection that shows a user's key.
struct Admission {
  enum class Verdict : std::uint8_t {
    kLetIn,
    kRefused,  ///< Nobody has this key.
    kNotYet,   ///< It is not known who there is: whoever asks may try again.
  };
  Verdict verdict = Verdict::kRefused;
  std::uint64_t user = 0;  ///< With kLetIn: its number.
};

/// A request that was refused, or an administrator's command that was carried out.
struct AuditEvent {
  std::string_view user;     ///< Whose rights counted; empty: the frontend has no keys.
  std::string_view speaker;  ///< Who asked, where that was another one.
  std::string_view command;
  std::string_view key;  ///< Empty where there is none, or several.
  std::string_view status;
  std::string_view message;
  std::string address;      ///< The client's; empty where it is not known.
  bool is_refusal = false;  ///< Nothing was done, for want of a right.
};

struct AccessRecords;

/// Where the core's answers go: sockets in production, the simulated network in sim/.  Calls do not come back into the
/// core.
class BrokerOutput {
 public:
  virtual ~BrokerOutput() = default;
  /// One reply frame for one client.  What a client that does not read leaves lying is the output's to bound.
  virtual void to_client(const ClientAddress& client, Frame reply) = 0;
  /// One bundle for one worker.  False: nothing was sent (its connection is gone, or its queue full).
  virtual bool to_worker(const BackendAddress& worker, Frames bundle) = 0;
  /// One event, one line.
  virtual void log(LogLevel level, std::string_view event, const LogSubject& subject) = 0;
  /// The address of the client that sent this frame, for people; empty where it is not known.
  virtual std::string address_of(const Frame&) const { return {}; }
  /// These are the users from now on: connections of others are to end.
  virtual void on_users(const AccessRecords&) {}
  virtual void audit(const AuditEvent&) {}
  /// Seconds since 1970: when tokens end.
  virtual std::uint64_t unix_time() const { return 0; }
  /// From now on the broker serves this cluster.
  virtual void on_cluster(const ClusterId&) {}
};

}  // namespace trellis
