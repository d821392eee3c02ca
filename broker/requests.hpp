// Requests: the table of what clients have asked and not yet been told.
//
// A command on one key is one subrequest, and its reply frame is passed on as it came; everything else has a Merger.  A
// request that needs the cluster waits here while there is none. Invariant: each request that is taken in is answered
// exactly once, by finish(), at its deadline at the latest.
// What takes long, to take a large BATCH apart and to put its reply together, is done some of it a turn, in which the
// clients take turns (run_put_off).
// Threading: none.  Nothing that a call or merger says is acted on inside of it: results queue up until settle().
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/access.hpp"
#include "broker/calls.hpp"
#include "broker/counts.hpp"
#include "broker/envelope.hpp"
#include "broker/formation.hpp"
#include "broker/freeze_guard.hpp"
#include "broker/merge/merger.hpp"
#include "broker/merge/reply_assembly.hpp"
#include "broker/options.hpp"
#include "broker/pool.hpp"
#include "broker/recoveries.hpp"
#include "broker/registry.hpp"
#include "broker/router.hpp"
#include "broker/timer_wheel.hpp"
#include "program/fair_queue.hpp"
#include "program/slow_log.hpp"
#include "protocol/command.hpp"
#include "protocol/write_session.hpp"

namespace trellis {

class Requests final : public CallListener {
 public:
  /// What it works with; all of it outlives the table.
  struct Parts {
    const BrokerOptions& options;
    BrokerOutput& output;
    Registry& registry;
    Router& router;
    Formation& formation;
    Access& access;
    const FreezeGuard& freeze_guard;
  };
  Requests(const Parts& parts, const RandomSource& random, TimePoint now);
  /// The calls that carry its subrequests, which need the table as their listener.
  void use(Calls& calls) { calls_ = &calls; }
  void use(Recoveries& recoveries) { recoveries_ = &recoveries; }
  /// The end of what was begun there.
  void on_recovered(Tag tag, MergedAnswer answer, TimePoint now);

  void on_client_message(Frames& frames, TimePoint now, const Asker& asker = {});
  void on_call_done(Tag owner, std::uint32_t subrequest, LegResult result, TimePoint now) override;
  std::uint64_t floor() const override { return session_.floor(); }

  /// Deadlines.
  void on_tick(TimePoint now);
  TimePoint next_due(TimePoint limit) const { return deadlines_.next_due(limit); }
  /// The cluster may be there now, or known to be out of reach: looks again at what waits for it.
  void on_cluster_changed(TimePoint now);
  /// Acts on what the calls have said.  After every event.
  void settle(TimePoint now);

  /// Goes on with what takes long, for as long as a turn has room for.
  void run_put_off(TimePoint now);
  bool has_put_off() const { return !put_off_.empty(); }

  std::size_t under_way() const { return pool_.used(); }
  const BrokerCounts& counts() const { return counts_; }
  std::size_t bytes() const { return bytes_; }
  std::size_t clients() const { return clients_.size(); }

 private:
  struct Client {
    std::string routing_id;
    Asker asker;
    std::uint32_t number = 0;  ///< By which workers tell it from others.
    std::size_t under_way = 0;
  };
  struct Asked {
    Tag call = 0;
    std::uint32_t subrequest = 0;
  };
  struct Entry {
    Tag tag = 0;
    Client* client = nullptr;
    Frames envelope;
    Frame frame;
    Request request;  ///< Its views point into `frame`.
    TimePoint begun;
    TimePoint deadline;
    std::uint64_t own_seq = 0;                       ///< 0: none.
    std::shared_ptr<const Permissions> permissions;  ///< From its beginning on; null: it may do everything.
    std::unique_ptr<Merger> merger;
    std::unique_ptr<ReplyAssembly> assembly;  ///< Once the answer is there, where it is large.
    std::vector<Asked> asked;
    std::uint32_t subrequests = 0;  ///< That have ended,
    LegTimes slowest;               ///< and of these the one that took longest.
    Timer timer;
  };
  struct Done {
    Tag entry;
    std::uint32_t subrequest;
    LegResult result;
  };

  Client& client_of(std::string_view routing_id);
  void refuse(const ClientMessage& message, std::uint64_t id, const Error& error);
  std::optional<Error> over_a_bound(const Client& client, const Frame& frame) const;
  bool answer_at_once(const ClientMessage& message, const Request& request, const Asker& asker, TimePoint now);
  void begin(Entry& entry, TimePoint now);
  std::optional<Error> obstacle_to_all(TimePoint now) const;
  void begin_on_one_key(Entry& entry, TimePoint now);
  void begin_on_one_partition(Entry& entry, TimePoint now);
  void begin_at_keeper(Entry& entry, TimePoint now);
  void begin_recovery(Entry& entry, TimePoint now);
  void begin_merged(Entry& entry, TimePoint now);
  bool has_room_for(std::size_t subrequests) const;
  WriteIdentity identity_of(Entry& entry);
  void take_step(Entry& entry, Merger::Step step, TimePoint now);
  void expire(Entry& entry);
  void expire_merged(Entry& entry);
  void finish_single(Entry& entry, LegResult result);
  void finish(Entry& entry, MergedAnswer answer);
  void finish_with(Entry& entry, Frame reply);
  void cancel_calls(Entry& entry);

  // broker/requests_access.cpp
  std::optional<Error> refusal(const Asker& asker, const Request& request,
                               std::shared_ptr<const Permissions>& permissions);
  void note_refused_items(const Entry& entry);
  void tell_audit(const Asker& asker, const Permissions* permissions, const Request& request, const Frame& frame,
                  const MergedAnswer& answer);
  bool is_audited(const Request& request, Code status) const;

  // broker/requests_put_off.cpp
  static constexpr Effort kWithoutEnd = 1'000'000 * kEffortMillisecond;
  static bool takes_long(const Entry& entry);
  void begin_assembly(Entry& entry, MergedAnswer answer);
  JobTurn assemble(Entry& entry, Effort most);

  static void note_times(Entry& entry, const LegTimes& times);
  void tell_slow(const Entry& entry, Duration took);
  static std::string_view key_of(const Entry& entry);
  void forget_idle_clients();

  const BrokerOptions& options_;
  BrokerOutput& output_;
  Registry& registry_;
  Router& router_;
  Formation& formation_;
  Access& access_;
  const FreezeGuard& freeze_guard_;
  Calls* calls_ = nullptr;
  Recoveries* recoveries_ = nullptr;
  WriteSession session_;
  TimerWheel deadlines_;
  Pool<Entry> pool_;
  std::unordered_map<std::string, Client> clients_;
  std::uint32_t last_client_ = 0;
  std::vector<Tag> parked_;  ///< Wait for the cluster.
  std::deque<Done> done_;
  FairQueue<std::uint32_t, Tag> put_off_;  ///< To be begun, or whose reply is to be put together; by client.
  std::vector<std::uint64_t> due_;
  std::size_t bytes_ = 0;  ///< Bytes of all frames held.
  std::uint64_t ticks_ = 0;
  TimePoint now_;  ///< When the event came that is handled.
  BrokerCounts counts_;
  SlowLog slow_log_;
};

}  // namespace trellis
