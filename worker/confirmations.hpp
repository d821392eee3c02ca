// Confirmations: proofs that this worker still leads, so that reads need no log entry (ReadIndex, Raft
// dissertation 6.4).
//
// One question to a peer asks for all partitions whose reads wait, in one round; what comes later joins the next.  A
// read that was taken in before a round's questions left may be answered once a majority (the leader itself included)
// has said, in answer to that round or a later one, that it knows no higher term.
//
//   question = nonce u64 | round u64 | count u32 | (group u32 | term u64)*
//   answer   = the same, with the answering member's own term behind each term
//
// The nonce is drawn anew at each start of the asker and the round grows: an answer meant for an earlier life or round
// proves nothing for a later one.
//
// A broker asks as well, for the reads that it sends in the same moment (broker/vouches.hpp).  What a member then tells
// the leader is an answer with the broker's nonce and its ticket's number in the place of the round: a vouch.  It was
// asked for after the reads of that ticket and of all before it came in, so it proves for them what an answer does.
//
// Loop thread only; pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/cluster_messages.hpp"
#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

/// Rounds are numbered from 1, over all partitions of a worker.
using Round = std::uint64_t;

struct ConfirmationItem {
  PartitionId group;
  Term term;         ///< The asker's.
  Term member_term;  ///< Answers only: what the member knows.
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
  /// `peers` are the voters but this one.
  LeadershipProof(Term term, std::vector<WorkerId> peers);

  Term term() const { return term_; }
  const std::vector<WorkerId>& peers() const { return peers_; }

  /// With v voters a majority is v/2 + 1, this leader being one of them: so many peers prove a round.
  std::size_t answers_needed() const { return (peers_.size() + 1) / 2; }

  /// Questions of this round leave now.
  void ask(Round round) { asked_ = round; }
  Round asked() const { return asked_; }
  /// A member that knows `member_term` has answered.  Only a term not above ours proves anything.
  void on_answer(WorkerId from, Round round, Term member_term);
  /// As on_answer, for all reads up to this ticket of its broker.
  void on_vouch(WorkerId from, const Ticket& ticket, Term member_term);
  /// Whether a majority has vouched for the reads of this ticket.
  bool is_vouched(const Ticket& ticket) const;

  /// The latest round that a majority has answered; everything asked up to it is proven.
  Round proven() const;
  bool is_waiting() const { return proven() < asked_; }

  /// Of how many brokers' vouches are kept: the latest ones'.  Reads of more brokers are confirmed by rounds.
  static constexpr std::size_t kBrokersMax = 16;

 private:
  /// The highest ticket of one broker's life that each peer has vouched for.
  struct Vouched {
    BootNonce broker;
    std::vector<std::uint64_t> numbers;  ///< Beside peers_; 0: none.
  };

  Term term_;
  std::vector<WorkerId> peers_;
  std::vector<Round> answered_;  ///< Beside peers_.
  Round asked_ = 0;
  std::vector<Vouched> vouched_;  ///< The broker that was heard of first comes first.
};

}  // namespace trellis
