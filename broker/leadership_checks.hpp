// LeadershipChecks: the proof that the leaders which answer reads still lead, gathered while they answer.
//
// A linearizable read may be answered once a majority has shown, after the read came in, that it knows no higher term
// than the leader's.  A leader can ask its peers itself, one way there and one back before it answers.  Here the broker
// asks them, in the flush that sends the read to the leader: the leader answers at once and says its term, the others
// say theirs (they answer), and the broker puts the two together.
//
// All that is asked in one flush has one number, its read context.  The flush comes after its reads came in, so that
// whoever confirms under this read context, or a later one, does it after that.
// Invariant: what is proven was true at a moment between the read's arrival here and its answer.  A leader of a higher
// term that had been elected before the read came in would have the vote of one of those who confirmed, or of the
// leader that answered; a vote is durable before it is sent (a candidate's own before it asks for others'), so that
// member would know the higher term, in any of its incarnations.  Those count who vote in the configuration that the
// leader's reply names (its entry in the leader's log, in the leader's term), each by the id of its replica: a worker
// that was a member before, or will be, proves nothing.  Where the broker does not know that configuration, the leader
// asks for itself. Threading: none.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "broker/options.hpp"
#include "broker/outbox.hpp"
#include "broker/registry.hpp"
#include "broker/router.hpp"
#include "protocol/cluster/cluster_messages.hpp"

namespace trellis {

class LeadershipChecks {
 public:
  /// One that did not confirm in time is not asked for so long, twice as long where it fails again soon afterwards.
  static constexpr std::chrono::milliseconds kPassedOverMin{500};
  static constexpr std::chrono::milliseconds kPassedOverMax{16'000};

  LeadershipChecks(BootNonce self, Registry& registry, Router& router, Outbox& outbox, OmittedBrokerRules omitted = {})
      : self_(self), registry_(registry), router_(router), outbox_(outbox), omitted_(omitted) {}

  /// A read of this partition goes to this leader with the next flush.  Returns the read context under which as many
  /// others as a majority takes are asked to confirm; 0: there are not so many.
  ReadContext ask(PartitionId partition, WorkerId leader, TimePoint now);
  /// The flush comes now: asks everyone.
  void send();

  void on_answer(WorkerId from, const LeadershipAnswer& answer);

  enum class Verdict : std::uint8_t {
    kProven,
    kRefuted,  ///< A member knows a higher term.
    kOpen,     ///< Not enough have confirmed yet.
  };
  /// What is proven for a read under this read context that was answered by the leader of this term.
  /// @param configuration  that the reply names
  Verdict check(PartitionId partition, WorkerId leader, Term term, LogIndex configuration, ReadContext read_context);
  /// To the furthest of those who are asked for this partition.
  Duration round_trip(PartitionId partition) const;
  /// Those who were asked have taken too long.
  void on_late(PartitionId partition, ReadContext read_context, TimePoint now);

 private:
  /// The last that a replica has said.
  struct Answered {
    ReplicaPlace from;
    ReadContext read_context = 0;
    Term term;
  };
  /// What was proven last.  A proof holds for ever, for all reads under its read context and earlier ones: whoever
  /// leads later led not yet when those were asked.
  struct Proof {
    WorkerId leader;
    Term term;
    LogIndex configuration;
    ReadContext read_context = 0;
  };
  struct Asked {
    WorkerId worker;
    ReadContext since;  ///< Asked under this read context and each one of a read since.
  };
  struct Partition {
    ReadContext asked_under = 0;
    WorkerId leader;
    std::vector<Asked> asked;  ///< Empty: there are too few.
    std::vector<Answered> confirmed;
    Proof proof;
  };
  struct Wanted {
    WorkerId from;
    LeadershipQuestion message;
  };

  /// Whose confirmations count: the voters'.
  const std::vector<ReplicaPlace>& who_counts(PartitionId id);
  void choose(PartitionId id, Partition& partition, TimePoint now);
  void pass_over(WorkerId worker, TimePoint now);
  bool can_answer(WorkerId worker, TimePoint now) const;
  LeadershipQuestion& wanted_from(WorkerId worker);

  BootNonce self_;
  Registry& registry_;
  Router& router_;
  Outbox& outbox_;
  OmittedBrokerRules omitted_;
  ReadContext read_context_ = 1;  ///< The read context of the next flush.
  std::vector<Partition> partitions_;
  std::vector<Wanted> wanted_;  ///< For the next flush; as many as there are workers.
  struct PassedOver {
    TimePoint until;
    Duration pause;
  };
  std::unordered_map<WorkerId, PassedOver> passed_over_;
  std::vector<WorkerId> others_;       ///< choose()'s own, with the memory that it holds.
  std::vector<ReplicaPlace> counted_;  ///< who_counts()'s own, for the simulator.
};

}  // namespace trellis
