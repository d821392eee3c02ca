// Mutations of what processes say to each other: the message is changed on its way, as if its sender had made it
// so or its receiver had read it so.  Each is named after the mutation that it plays (sim/mutations/mutations.hpp).
#pragma once

#include <map>
#include <optional>

#include "broker/types.hpp"
#include "protocol/types.hpp"
#include "sim/mutations/mutations.hpp"
#include "sim/random.hpp"
#include "worker/shard.hpp"

namespace trellis::sim {

/// "unconfirmed-read": a linearizable read is served as it is asked for, by whoever is asked.
Frames with_unconfirmed_reads(const Frames& bundle);
/// "floor-ignored": what clients' sessions say of floors does not count.
Frames without_floors(const Frames& bundle);

/// "leadership-unchecked": a leader answers at once, and its broker takes that for enough.
Frames with_unchecked_reads(const Frames& requests);
Frames with_checked_replies(const Frames& replies);
/// "broker-floor-infinite": nothing of a broker session is said to come again.
Frames with_infinite_floors(const Frames& bundle);
/// "never-sent-again": only what is sent for the first time arrives.
Frames without_repetitions(const Frames& bundle);
/// "stalest-answer": the less a replica has applied, the more it says that it has.
Frames with_applied_turned(const Frames& bundle);

/// "nonce-ignored", "term-ignored", "round-ignored": a confirmation of leadership that names another incarnation, term
/// or round counts for that which it reaches.  "earlier-confirmation" is all three, of an earlier incarnation's.
Frames with_confirmations_for(const Frames& bundle, BootNonce nonce, const Shard& receiver, const Mutations& mutations);
bool changes_confirmations(const Mutations& mutations);

/// "answer-blindly": a member confirms though it knows a higher term.
Frames with_blind_answers(const Frames& bundle);

/// "answer-for-later": what a member said when it was asked to confirm counts for all later reads as well.
class LastAnswers {
 public:
  /// Notes what this worker says.
  void note(const BackendAddress& from, const Frames& bundle);
  /// What it said last of what the broker asks it for now; nothing where it was not asked, or has said nothing yet.
  std::optional<Frames> answer(const BackendAddress& asked, const Frames& bundle) const;

 private:
  std::map<BackendAddress, std::map<PartitionId, LeadershipAnswer::Known>> terms_;
};

/// The nonce that a worker says in this bundle.
BootNonce nonce_in(const Frames& bundle);

/// "mark-dropped", "mark-added", "warning-dropped", "page-skips-key", "page-out-of-order", "wrong-reply": what a broker
/// answers.  `previous` is its previous answer to this client.
Frame mutated_reply(const Frame& reply, std::string& previous, const Mutations& mutations, Random& random);

/// "new-seq-on-retry": the same request under another seq.
Frame with_new_seq(const Frame& request, std::uint64_t copy);

}  // namespace trellis::sim
