// CutAttempt: one attempt at a cut: the states of all partitions in one moment (protocol/fence.hpp).
//
//   FENCE begin    to each partition; all have to be applied
//   FENCE_HOLDS    to each: whether nothing has followed its fence, and its leader still leads
//   FENCE keep     to each where all held: writes go on, and the cut is made
//   FENCE end      to each that has a fence where one did not hold: this attempt has failed
//
// All FENCE_HOLDS are asked after the last fence was applied.  Where each is answered with true, nothing had been
// applied behind any of the fences in the moment in which they were asked; so the states at the fences are that of the
// whole cluster in that moment.
//
// A pure core: it says what to ask, and is handed the answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/command_table.hpp"
#include "protocol/fence.hpp"
#include "protocol/reply.hpp"

namespace trellis {

struct CutAsk {
  std::uint32_t partition = 0;
  Command command = Command::kFence;
  std::string arguments;
  std::chrono::milliseconds timeout{};
  bool is_awaited = true;  ///< The others need no answer.
};

class CutAttempt {
 public:
  /// A fence that takes longer is of no use: its leader lets go of it.
  static constexpr std::chrono::milliseconds kTimeout{3'000};

  explicit CutAttempt(std::set<std::uint32_t> partitions) : partitions_(std::move(partitions)) {}

  std::vector<CutAsk> begin();
  /// What to ask next; nothing while others are awaited, or where it is over.
  std::vector<CutAsk> on_answer(const CutAsk& ask, const Reply& reply);

  bool is_over() const { return phase_ == Phase::kMade || phase_ == Phase::kFailed; }
  bool is_made() const { return phase_ == Phase::kMade; }
  /// The fences, by partition; all of them where the cut was made.
  const std::map<std::uint32_t, Fence>& fences() const { return fences_; }
  /// Where it failed: the partitions that had no leader to answer, with what was said of each.
  const std::map<std::uint32_t, std::string>& unreachable() const { return unreachable_; }
  /// Where it failed, and all answered: why.
  const std::string& reason() const { return reason_; }

 private:
  enum class Phase : std::uint8_t { kFencing, kAsking, kMade, kFailed };

  void take_fence(std::uint32_t partition, const Reply& reply);
  void take_word(std::uint32_t partition, const Reply& reply);
  std::vector<CutAsk> ask_all(FenceAction action) const;
  void fail(std::uint32_t partition, const Reply& reply);

  std::set<std::uint32_t> partitions_;
  Phase phase_ = Phase::kFencing;
  std::set<std::uint32_t> awaited_;
  std::map<std::uint32_t, Fence> fences_;
  std::map<std::uint32_t, std::string> unreachable_;
  std::string reason_;
  bool has_failed_ = false;
};

}  // namespace trellis
