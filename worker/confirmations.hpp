// Confirmations: proofs that this worker still leads, so that reads need no log entry (ReadIndex, Raft
// dissertation 6.4).
//
// One question to a peer asks for all partitions whose reads wait, in one round; what comes later joins the next.  A
// read that was taken in before a round's questions left may be answered once a majority (the leader itself included)
// has said, in answer to that round or a later one, that it knows no higher term.
//
//   question = nonce u64 | round u64 | count u32 | (group u32 | replica u64 | term u64)*
//   answer   = the same, with the answering member's own term behind each term
//
// The replica is the one that is asked: a worker that holds another one of the group does not answer for it.  Those are
// asked, and counted, that were the voters of the leader's configuration when the last question left.
//
// The nonce is drawn anew at each start of the asker and the round grows: an answer meant for an earlier incarnation or
// round proves nothing for a later one.
//
// Loop thread only; pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/cluster/replica_place.hpp"
#include "protocol/limits.hpp"
#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

/// Rounds are numbered from 1, over all partitions of a worker.
using Round = std::uint64_t;

struct ConfirmationItem {
  PartitionId group;
  ReplicaId replica;  ///< That is asked.
  Term term;          ///< The asker's.
  Term member_term;   ///< Answers only: what the member knows.
};

struct ConfirmationMessage {
  BootNonce nonce;
  Round round = 0;
  std::vector<ConfirmationItem> items;
};

std::string pack_question(const ConfirmationMessage& message);
std::string pack_answer(const ConfirmationMessage& message);
Result<ConfirmationMessage> read_question(std::string_view bytes);
Result<ConfirmationMessage> read_answer(std::string_view bytes);

/// The confirmations of one leadership: which rounds a majority has answered.
class LeadershipProof {
 public:
  LeadershipProof() = default;
  /// @param peers       the voters but this one
  /// @param needed_max  more answers than these are not needed: in the simulator, to see whether that is noticed
  LeadershipProof(Term term, std::vector<ReplicaPlace> peers, std::size_t needed_max = kWorkersMax);

  Term term() const { return term_; }
  const std::vector<ReplicaPlace>& peers() const { return peers_; }
  /// The voters are others now; what those said that stay still counts.
  void set_peers(std::vector<ReplicaPlace> peers);

  /// With v voters a majority is v/2 + 1, this leader being one of them: so many peers prove a round.
  std::size_t answers_needed() const { return std::min(needed_max_, (peers_.size() + 1) / 2); }

  /// Questions of this round leave now.
  void ask(Round round) { asked_ = round; }
  Round asked() const { return asked_; }
  /// A member that knows `member_term` has answered.  Only a term not above ours proves anything.
  void on_answer(ReplicaPlace from, Round round, Term member_term);
  /// The latest round that a majority has answered; everything asked up to it is proven.
  Round proven() const;
  bool is_waiting() const { return proven() < asked_; }

 private:
  Term term_;
  std::vector<ReplicaPlace> peers_;
  std::size_t needed_max_ = kWorkersMax;
  std::vector<Round> answered_;  ///< Beside peers_.
  Round asked_ = 0;
};

}  // namespace trellis
