// JointCalls: reads of several partitions on their way to the one worker that leads them all.
//
// They are asked for once, and have one way to end well: the worker answers all of them, and others confirm for each of
// its partitions that it leads (LeadershipChecks).  Whatever else happens, they come apart: nothing is lost, since they
// are reads, and each partition is asked by itself, as a call, which knows what to do.
// Invariant: each ends exactly once, through CallListener::on_call_done or by expire() or cancel().
// Threading: none.
#pragma once

#include <optional>
#include <vector>

#include "broker/call_listener.hpp"
#include "broker/leadership_checks.hpp"
#include "broker/options.hpp"
#include "broker/outbox.hpp"
#include "broker/pool.hpp"
#include "broker/registry.hpp"
#include "broker/router.hpp"
#include "broker/subrequest.hpp"
#include "broker/timer_wheel.hpp"

namespace trellis {

class JointCalls {
 public:
  /// In the tags of all of them, and of no other call.
  static constexpr Tag kMark = kSecondTagFlag;

  JointCalls(const BrokerOptions& options, Registry& registry, Router& router, Outbox& outbox,
             LeadershipChecks& leadership_checks, TimerWheel& wheel, CallListener& listener, std::uint64_t first_tag)
      : options_(options),
        registry_(registry),
        router_(router),
        outbox_(outbox),
        leadership_checks_(leadership_checks),
        wheel_(wheel),
        listener_(listener),
        pool_(first_tag) {}

  /// As in Calls.
  Tag start(Tag owner, Subrequest subrequest, TimePoint deadline, TimePoint now);
  LegResult expire(Tag tag, std::chrono::milliseconds timeout, TimePoint now);
  bool is_under_way(Tag tag) { return pool_.find(tag & ~kMark) != nullptr; }
  void cancel(Tag tag);

  void on_reply(WorkerId from, WorkerReply reply, TimePoint now);
  void on_progress(Tag tag, TimePoint now);
  void on_answer() { has_answers_ = has_answers_ || !under_way_.empty(); }
  void settle_checked(TimePoint now);
  void on_timer(Tag tag, TimePoint now);
  void on_not_sent(Tag tag, TimePoint now);
  void on_leader(PartitionId partition, TimePoint now);
  void on_worker_lost(WorkerId worker, bool has_died, TimePoint now);
  void review(TimePoint now);

  std::size_t under_way() const { return pool_.used(); }

 private:
  struct Joint {
    Tag tag = 0;
    Tag owner = 0;
    Subrequest subrequest;
    WorkerId worker;
    ReadContext read_context = 0;
    TimePoint deadline;
    TimePoint sent;
    std::uint32_t position = 0;    ///< Among those under way.
    std::size_t proven = 0;        ///< So many of its partitions, the first ones.
    std::optional<Frame> held;     ///< The answer, until all are proven,
    std::vector<JointTerm> terms;  ///< and in which terms it was given.
    Timer timer;
  };

  WorkerRecord* only_leader(const std::vector<JointPart>& parts) const;
  ReadContext ask_for_proof(std::vector<JointPart>& parts, WorkerId leader, TimePoint now);
  void send(const Joint& joint, WorkerRecord& worker, TimePoint now);
  bool take_answers(Joint& joint, const Frame& body);
  void settle(Joint& joint, TimePoint now);
  void come_apart(Joint& joint, WorkerId silenced, TimePoint now);
  void lose(Joint& joint, bool has_died, TimePoint now);
  template <typename Which>
  void lose_where(const Which& which, bool has_died, TimePoint now);
  void finish(Joint& joint, LegResult result, TimePoint now);
  void release(Joint& joint);
  static LegResult apart(WorkerId silenced = {});
  static LegTimes times_of(const Joint& joint, TimePoint now);

  const BrokerOptions& options_;
  Registry& registry_;
  Router& router_;
  Outbox& outbox_;
  LeadershipChecks& leadership_checks_;
  TimerWheel& wheel_;
  CallListener& listener_;
  Pool<Joint> pool_;
  std::vector<Tag> under_way_;
  bool has_answers_ = false;  ///< Since settle_checked().
};

}  // namespace trellis
