// Calls: one request to one partition, sent to the replica that should see it, again and again, until it is answered.
// (Reads of several partitions at once are JointCalls, to which they are handed on.)
//
// A subrequest is what is asked; a call is a subrequest under way.  Its life:
//
//            no leader known                      leader known
//   start ──▶ waiting ◀──── not leader, busy ──── sent ──▶ answered (a read: and confirmed)
//               │    ──────  leader learnt  ────▶   │
//               │                                   └── unknown, silence, lost worker: "perhaps applied", sent again
//               └── no majority up: writes end as UNAVAILABLE; reads are asked of every replica left (asking)
//
// Three outcomes are kept apart (docs/design.md, "A write"): not applied, perhaps applied, applied.  A write that was
// perhaps applied is never called undone: it is sent again under the same session and seq until the deadline.
// A BATCH that a worker fell silent with may be the cause.  The next worker is told, and does a bounded part of its
// reads (WorkerRequest::is_suspect); once it has cost more workers than the cluster can do without, it is given up.
// Invariant: each call ends exactly once, through CallListener::on_call_done or by expire() or cancel().
// Threading: none.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/call_listener.hpp"
#include "broker/joint_calls.hpp"
#include "broker/leadership_checks.hpp"
#include "broker/options.hpp"
#include "broker/outbox.hpp"
#include "broker/pool.hpp"
#include "broker/registry.hpp"
#include "broker/router.hpp"
#include "broker/subrequest.hpp"
#include "broker/timer_wheel.hpp"
#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// Under which name writes are made exactly once.
struct WriteIdentity {
  bool own = false;  ///< The session is the broker's, whose floor is the listener's to say.
  std::string_view session;
  std::uint64_t seq = 0;
  std::optional<std::uint64_t> floor;  ///< As a client said it.
};

class Calls {
 public:
  Calls(const BrokerOptions& options, Registry& registry, Router& router, Outbox& outbox,
        LeadershipChecks& leadership_checks, TimerWheel& wheel, CallListener& listener, std::uint64_t first_tag)
      : options_(options),
        registry_(registry),
        router_(router),
        outbox_(outbox),
        leadership_checks_(leadership_checks),
        wheel_(wheel),
        listener_(listener),
        pool_(first_tag),
        joint_(options, registry, router, outbox, leadership_checks, wheel, listener, first_tag) {}

  /// Starts a call for `owner`; it may end before this returns.
  /// @param identity  for a subrequest that writes; its session stays where it is as long as the call
  /// @return the call's tag, or 0 if it has ended
  Tag start(Tag owner, Subrequest subrequest, const WriteIdentity& identity, TimePoint deadline, TimePoint now);

  /// The deadline has come: the best that the call has, or what to tell of it.  The call is over.
  LegResult expire(Tag call, std::chrono::milliseconds timeout, TimePoint now);
  bool is_under_way(Tag call) { return is_joint(call) ? joint_.is_under_way(call) : pool_.find(call) != nullptr; }
  /// Nobody waits for it any more.
  void cancel(Tag call);

  void on_reply(WorkerId from, WorkerReply reply, TimePoint now);
  /// A part of a reply with this header has come, the rest is on its way.
  void on_progress(std::string_view reply_header, TimePoint now);
  void on_answer(WorkerId from, const LeadershipAnswer& answer);
  /// After all that a worker has said at once: hands on what is proven now.
  void settle_checked(TimePoint now);
  /// The timer of this call fired.
  void on_timer(Tag call, TimePoint now);
  /// The bundle that held this call's request was not sent.
  void on_not_sent(Tag call, TimePoint now);
  /// Another leader is known.
  void on_leader(PartitionId partition, TimePoint now);
  /// Whatever was sent to this worker is perhaps lost: it went down, or into a new incarnation, or (not `has_died`)
  /// came back on another connection.
  void on_worker_lost(WorkerId worker, bool has_died, TimePoint now);
  /// Majorities may have come or gone: looks again at all calls that are not answered.
  void review(TimePoint now);
  /// There are so many partitions.
  void set_partitions(std::uint32_t count) {
    by_partition_.resize(count);
    held_.resize(count);
  }

  std::size_t under_way() const { return pool_.used() + joint_.under_way(); }

 private:
  enum class State : std::uint8_t { kWaiting, kSent, kAsking };
  /// A read that every replica left is asked for.
  struct Asking {
    std::vector<WorkerId> awaited;
    bool answered = false;
    LogIndex applied;
    Frame best;
  };
  /// A leader's answer to a read, until enough others have confirmed for it.
  struct Held {
    Frame body;
    WorkerId leader;
    Term term;
    LogIndex configuration;
  };
  struct Call {
    Tag tag = 0;
    Tag owner = 0;
    Subrequest subrequest;
    WriteIdentity identity;
    TimePoint deadline;
    State state = State::kWaiting;
    WorkerId sent_to;
    TimePoint begun;
    TimePoint first_sent;
    TimePoint last_sent;
    std::uint32_t attempts = 0;
    bool perhaps_applied = false;
    std::vector<WorkerId> silenced;  ///< Workers that fell silent, or died, while they had it.
    std::uint32_t position = 0;      ///< In its partition's list.
    std::unique_ptr<Asking> asking;
    ReadContext read_context =
        0;  ///< Under which others confirm for the answer to the first attempt; 0: its leader asks itself.
    std::optional<Held> held;
    Timer timer;
  };

  void dispatch(Call& call, TimePoint now);
  void send(Call& call, WorkerRecord& worker, TimePoint now);
  ReadMode mode_for(Call& call, const WorkerRecord& worker, TimePoint now);
  void on_checked_reply(Call& call, WorkerId from, WorkerReply reply, TimePoint now);
  bool settle_held(Call& call, TimePoint now);
  void sweep_held(PartitionId partition);
  void write_request(Call& call, WorkerRecord& worker, ReadMode mode, TimePoint now);
  void wait(Call& call, TimePoint now);
  void back_off(Call& call, TimePoint now);
  void leave_worker(Call& call);
  void not_taken(Call& call, TimePoint now);
  void perhaps_lost(Call& call);
  bool is_waiting_to_leave(const Call& call) const;
  void wake(PartitionId partition, TimePoint now);
  static LegResult failed(Code code, std::string message);
  static void note_attempt(Call& call, WorkerId worker, TimePoint now);
  static LegTimes times_of(const Call& call, TimePoint now);
  void finish(Call& call, LegResult result, TimePoint now);
  void release(Call& call);
  static bool is_joint(Tag tag) { return (tag & JointCalls::kMark) != 0; }
  // broker/calls_asking.cpp
  void without_majority(Call& call, TimePoint now);
  void ask_all(Call& call, TimePoint now);
  void on_asked_reply(Call& call, WorkerId from, WorkerReply reply, TimePoint now);
  void finish_asking_if_all_came(Call& call, TimePoint now);
  // broker/calls_lost.cpp
  void lose(Call& call, bool has_died, TimePoint now);
  bool has_cost_too_much(const Call& call) const;
  void give_up(Call& call, TimePoint now);

  std::vector<Tag> calls_of(PartitionId partition) const { return by_partition_[partition.value]; }

  const BrokerOptions& options_;
  Registry& registry_;
  Router& router_;
  Outbox& outbox_;
  LeadershipChecks& leadership_checks_;
  TimerWheel& wheel_;
  CallListener& listener_;
  Pool<Call> pool_;
  JointCalls joint_;
  std::vector<std::vector<Tag>> by_partition_;
  std::vector<std::vector<Tag>> held_;  ///< By partition: calls that hold an answer, and some that have ended.
  std::vector<PartitionId> answered_;   ///< Answered for since settle_checked(); some more than once.
  WorkerRequest request_;               ///< Used again for each request, with the memory that it holds.
};

}  // namespace trellis
