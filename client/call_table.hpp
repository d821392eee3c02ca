// The calls of a client that are under way: when to send them, to which broker, when again, and when to give up.
//
// A pure core: no socket, no clock, no thread.  It is handed frames, connections coming and going, and the time, and
// answers into a CallOutput.
//
// Invariant: every call that was begun ends exactly once, by its reply or by giving up at its deadline, unless it is
// forgotten first.  Late, repeated and uninvited replies are ignored.
//
// Sending again is always safe: the frame that goes out is the same to the byte, and a write in it carries the session
// of this process and a seq of its own, so that the cluster does it once (docs/protocol.md, "Exactly-once").  It also
// says the floor: the lowest seq of a call that has not ended.  So a copy that arrives after its call has ended, and
// however much was written meanwhile, is refused.
#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/batch_answers.hpp"
#include "protocol/command.hpp"
#include "protocol/frame.hpp"
#include "protocol/reply.hpp"
#include "protocol/types.hpp"
#include "protocol/write_session.hpp"

namespace trellis {

/// A reply and the frame that its result points into.
struct Answer {
  Frame frame;
  Reply reply;
};

/// What the table asks of its surroundings.  Neither function may call back into the table.
class CallOutput {
 public:
  virtual ~CallOutput() = default;
  /// Sends `request` to a broker, given by its place in the list of endpoints.  False: it could not be sent at all.
  virtual bool send(std::size_t broker, const Frame& request) = 0;
  /// The call `id` has ended.
  virtual void on_answer(std::uint64_t id, Answer answer) = 0;
};

class CallTable {
 public:
  /// A broker that has not answered a call for this fraction of its timeout, or this long, is asked again, or the next
  /// one is; then after twice as long, and so on: few copies where the cluster is slow, quick where a broker is gone.
  static constexpr int kResendFraction = 8;
  static constexpr std::chrono::milliseconds kResendAfterMax{1'000};
  /// The broker's own word at the deadline says more than ours, so it gets this long to arrive.
  static constexpr std::chrono::milliseconds kDeadlineGrace{200};

  /// For this long a broker that refuses connections may be one that is about to start.
  static constexpr std::chrono::milliseconds kStartGrace{500};
  /// Users and roles are at every broker after a second.
  static constexpr std::chrono::milliseconds kKeyGrace{1'200};

  /// @param endpoints  the brokers, at least one; the table names them in messages and by their places
  /// @param random     where the session and the first id come from
  CallTable(std::vector<std::string> endpoints, const RandomSource& random, CallOutput& output);

  /// Begins a call.  Its answer comes through the output, though never from inside this function.
  /// @param arguments  a packed array
  /// @param options    a write that brings no session gets this table's own, the next seq and the floor
  /// @return           the call's id
  std::uint64_t begin(TimePoint now, Command command, std::string_view arguments, Options options);
  /// Drops a call: its answer is no longer wanted.  A write may take effect all the same.
  void forget(std::uint64_t id);

  void on_connected(TimePoint now, std::size_t broker);
  void on_disconnected(TimePoint now, std::size_t broker);
  /// A connection was refused, or could not be tried.  Once all brokers have refused for kStartGrace, and none has ever
  /// been there, the calls end: nothing of them was done.
  /// @param why  where more is known of it: one line for people
  void on_refused(TimePoint now, std::size_t broker, std::string_view why = {});
  /// Somebody listens there after all, and ends handshakes without a word: a call that is never sent says so.
  /// @param why  what that may mean, one line for people
  void on_handshake_broken(std::size_t broker, std::string_view why);
  /// A broker does not let this client's key in, or wants one.  Once all have said so for kKeyGrace, and none is
  /// connected, the calls end: who was added a moment ago is not known everywhere yet.
  /// @param why  one line for people
  void on_key_refused(TimePoint now, std::size_t broker, std::string why);
  void on_frame(TimePoint now, std::size_t broker, Frame frame);
  void on_tick(TimePoint now);

  /// When on_tick has something to do, or nothing where no call is under way.
  std::optional<TimePoint> next_due();
  std::size_t under_way() const { return calls_.size(); }
  std::string_view session() const { return session_.id(); }

 private:
  struct Broker {
    std::string endpoint;
    bool connected = false;
    std::optional<TimePoint> refused;        ///< Since when; until a connection was made.
    std::optional<TimePoint> key_refused{};  ///< The same of this client's key.
    std::string absent_because{};            ///< What is known of it.
    std::string handshake_broken{};          ///< What may be wrong; empty once a connection was made.
    TimePoint heard{};                       ///< When its last frame came.
  };
  struct Call {
    Frame request;
    Command command = Command::kPing;
    std::uint64_t own_seq = 0;  ///< In this table's session; 0: none.
    TimePoint begun;
    TimePoint deadline;
    TimePoint sent;  ///< For the last time.
    TimePoint due;   ///< The one timer entry that counts.
    Duration resend_after{};
    std::size_t broker = 0;  ///< Where it was sent last.
    std::size_t refusals = 0;
    std::size_t copies = 0;               ///< How often it was sent.
    std::size_t open = 0;                 ///< Copies of unknown outcome: any of them may take effect.
    std::unique_ptr<BatchAnswers> batch;  ///< A BATCH's that was sent several times.
    bool under_way = false;               ///< With a broker that is still connected.
  };
  struct Timer {
    TimePoint due;
    std::uint64_t id = 0;
    bool operator>(const Timer& other) const { return due > other.due; }
  };
  using Calls = std::unordered_map<std::uint64_t, Call>;

  void dispatch(TimePoint now, std::uint64_t id, Call& call);
  void send_to(TimePoint now, std::size_t broker, std::uint64_t id, Call& call);
  void arm(std::uint64_t id, Call& call, TimePoint due);
  void wake_up(TimePoint now, Calls::iterator at);
  bool asks_another(TimePoint now, std::size_t broker, Calls::value_type& entry);
  void on_reply_to_copy(TimePoint now, Calls::iterator at, Frame frame, Reply reply);
  void on_batch_copy(TimePoint now, Calls::iterator at, const Frame& frame, const Reply& reply);
  void end(Calls::iterator at, const Error& error);
  void finish(Calls::iterator at, Answer answer);
  void erase(Calls::iterator at);
  Error too_late(const Call& call, TimePoint now) const;
  std::string endpoints_text() const;
  std::string absence_text() const;
  std::optional<std::size_t> connected_after(std::size_t broker) const;

  std::vector<Broker> brokers_;
  CallOutput& output_;
  WriteSession session_;
  std::uint64_t next_id_;
  bool ever_connected_ = false;
  std::size_t current_ = 0;  ///< The broker that new calls go to, while it is connected.
  Calls calls_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
};

}  // namespace trellis
