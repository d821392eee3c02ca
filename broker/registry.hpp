// Registry: which workers there are, where each can be reached, and which are alive, judged by what is heard of them.
//
// A worker is up; suspect after kSuspectAfter without any message from it (and still counts as up); down after
// kDownAfter.  What was lost on the way to a worker that is far away comes as much later as it takes to be sent again:
// there one round trip more is allowed for, or two.  A worker that was never heard of is down once the broker has run
// for kBrokerWarmUp.
// Invariant: one record for an id, one live worker for an address.  Where two incarnations, told apart by their boot
// nonces, claim the same, both are asked whether they are alive, each with a number that nobody can know otherwise: a
// message proves nothing, since a connection may still hold what an incarnation said that ended long ago.  The one that
// comes later takes over once it has answered, unless the other one answers as well: then there are two, and it is
// refused. Threading: none.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/options.hpp"
#include "broker/outbox.hpp"
#include "broker/types.hpp"
#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/limits.hpp"
#include "protocol/types.hpp"

namespace trellis {

enum class WorkerState : std::uint8_t { kUp, kSuspect, kDown };
std::string_view name_of(WorkerState state);

/// How long a worker whose place another one claims must have been silent to be taken for gone.
constexpr std::chrono::milliseconds kSilentAfter{300};

struct WorkerRecord {
  /// @param first_sent  what this broker sent before it was not this incarnation's
  explicit WorkerRecord(TimePoint first_sent) : round_trip(first_sent) {}

  Hello hello;  ///< The latest.
  Outbox::Slot* slot = nullptr;
  TimePoint last_heard;
  TimePoint slot_heard;            ///< When it last said hello over the connection in use.
  BootNonce former;                ///< The nonce of the incarnation that it took over from; 0: none.
  std::uint64_t former_token = 0;  ///< With it that incarnation would show that it is alive after all.
  RoundTrip round_trip;            ///< Measured by hellos and welcomes.
  WorkerState state = WorkerState::kUp;
  std::size_t bytes_under_way = 0;  ///< Requests sent to it and not answered.
  /// When each kind of message of cluster making was last sent to it, by MessageType.
  std::array<std::optional<TimePoint>, kMessageTypesEnd> control_sent;
};

class Registry {
 public:
  /// @param first_token  random: challenges are numbered from it on
  Registry(Outbox& outbox, std::uint64_t first_token, TimePoint now, OmittedBrokerRules omitted = {})
      : outbox_(outbox), start_(now), first_sent_(omitted.echoes ? TimePoint() : now), next_token_(first_token) {}

  /// What became of a hello.
  struct Admission {
    WorkerRecord* worker = nullptr;  ///< Taken.
    bool new_worker = false;         ///< It was not known before.
    bool new_incarnation =
        false;                    ///< It was, under another nonce: all sent to the earlier incarnation is perhaps lost.
    bool new_connection = false;  ///< It speaks over another connection than before.
    std::optional<std::string> refusal;  ///< Not taken for good, and why.  With neither: not decided yet.
  };
  Admission admit(const BackendAddress& from, Hello hello, TimePoint now);

  /// Any message counts as a sign of life.  Returns the worker that has this connection, or null.
  WorkerRecord* heard(const BackendAddress& from, TimePoint now);

  struct Change {
    WorkerId worker;
    WorkerState state;
  };
  /// Tells by the time which workers live; what has changed. After a pause of the broker's own (no call for a while),
  /// the time in which it could not hear is not held against them.
  std::vector<Change> update(TimePoint now);

  WorkerRecord* find(WorkerId id);
  const WorkerRecord* find(WorkerId id) const { return const_cast<Registry*>(this)->find(id); }
  WorkerRecord* find_address(std::string_view address);
  /// The state of any id, whether it was heard of or not.
  WorkerState state_of(WorkerId id, TimePoint now) const;
  /// A worker that said nothing for so long, and a round trip, has fallen silent: it says hello three times as often.
  static constexpr Duration kUnheardAfter = 3 * kHeartbeatInterval;
  bool is_silent(WorkerId id, TimePoint now) const {
    const WorkerRecord* const worker = find(id);
    return worker == nullptr || now - worker->last_heard > kUnheardAfter + worker->round_trip.value();
  }
  /// How long ago it was heard (of one that never was: since the broker's start).
  Duration silence_of(WorkerId id, TimePoint now) const;
  /// The broker has run long enough to tell: as of the last update(), so that all that one turn tells agrees.
  bool warmed_up() const { return warmed_up_; }

  void remove(WorkerId id);
  /// This broker stood still until now: what comes next may have waited for it.
  void on_woken(TimePoint now);
  /// In the order of their ids.
  const std::map<WorkerId, std::unique_ptr<WorkerRecord>>& workers() const { return workers_; }

 private:
  Admission take(const BackendAddress& from, Hello hello, TimePoint now);
  /// One incarnation claims what another one holds.
  struct Contest {
    BootNonce incumbent;
    std::uint64_t claimant_proof = 0;
    std::uint64_t incumbent_proof = 0;
    bool claimant_lives = false;
    bool incumbent_lives = false;
  };
  Admission contest(const BackendAddress& from, Hello hello, WorkerRecord& incumbent, TimePoint now);
  Admission former_life_speaks(const BackendAddress& from, Hello hello, WorkerRecord& record, TimePoint now);
  void take_proof(const Hello& hello);
  void challenge(Outbox::Slot& slot, BootNonce nonce, std::uint64_t token);
  std::string condemn(const Hello& claimant, const WorkerRecord& incumbent);
  /// Returns whether another connection was there before.
  bool connect(WorkerRecord& record, const BackendAddress& from);

  Outbox& outbox_;
  TimePoint start_;
  TimePoint first_sent_;  ///< An earlier echo is of another incarnation's welcome.
  std::optional<TimePoint> last_update_;
  bool warmed_up_ = false;
  std::map<WorkerId, std::unique_ptr<WorkerRecord>> workers_;
  std::unordered_map<BackendAddress, WorkerRecord*> by_connection_;
  std::uint64_t next_token_;
  std::unordered_map<BootNonce, Contest> contests_;  ///< By the incarnation that claims.
  std::unordered_map<BootNonce, std::string>
      condemned_;  ///< Incarnations that were seen beside another, and why refused.
};

}  // namespace trellis
