// Vouches: who proves that the leaders that are sent reads still lead, without being asked by them.
//
// A leader may answer a linearizable read once a majority has shown, after the read came in, that it knows no higher
// term.  It can ask its peers itself, which takes a read from broker to leader to peer and back.  Here the broker asks
// them, in the same flush in which it sends the read: they vouch to the leader, whose proof is then under way while the
// read still is.
//
// All reads of one flush share a ticket.  Each bundle with such reads has it in front of them, and each peer that is
// asked to vouch does it under the ticket's number.  The flush comes after the reads did, so that whoever vouches for
// this ticket, or for a later one of this broker, does it after the reads came in.
// A vouch that is lost costs time and nothing else: the leader asks itself then.
// Threading: none.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/outbox.hpp"
#include "broker/registry.hpp"
#include "broker/router.hpp"
#include "protocol/cluster_messages.hpp"

namespace trellis {

class Vouches {
 public:
  Vouches(BootNonce broker, Registry& registry, Router& router, Outbox& outbox)
      : registry_(registry), router_(router), outbox_(outbox), ticket_{broker, 1} {}

  /// A read of this partition goes to this leader with the next flush.  Returns whether enough others will vouch for
  /// it: only then may it be sent as kVouched.
  bool are_asked(PartitionId partition, WorkerRecord& leader);
  /// The flush comes now: says to everyone for whom to vouch.
  void send();

 private:
  struct Asked {
    std::uint64_t ticket = 0;  ///< Of the flush in which it was decided.
    WorkerId leader;
    bool will_vouch = false;
  };
  struct Wanted {
    WorkerId from;
    VouchWanted message;
  };

  bool ask(PartitionId partition, WorkerRecord& leader);
  VouchWanted& wanted(WorkerId from, WorkerId leader);

  Registry& registry_;
  Router& router_;
  Outbox& outbox_;
  Ticket ticket_;               ///< Of the next flush.
  std::vector<Asked> asked_;    ///< By partition.
  std::vector<Wanted> wanted_;  ///< For the next flush; few.
  std::vector<WorkerId> others_;
};

}  // namespace trellis
