// The bodies of RequestKind::kReads: reads of several partitions that one worker leads, in one request.
//
//   request   u32 n, n times [u32 partition, u64 configuration, u32 items], a packed array of the items of all of them
//   reply     u32 n, n times [u64 term, u64 configuration], a packed array of their outcomes
//
// Items and outcomes are as in a kBatch.  A BATCH of 64 reads is 16 requests where there are 16 partitions, and 64
// where there are a thousand; so it is one for each worker.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

/// Where the items are larger, each partition is asked by itself: they take long enough to have turns with others.
constexpr std::size_t kJointReadsBytesMax = 64 << 10;

/// The reads of one of the partitions.
struct JointPart {
  PartitionId partition;
  /// That of its leader, as the broker knows it (WorkerRequest::configuration).
  LogIndex configuration{};
  std::uint32_t items = 0;
  bool operator==(const JointPart&) const = default;
};

/// Under what a partition's reads were answered: for the leadership check.
struct JointTerm {
  Term term;
  LogIndex configuration;
  bool operator==(const JointTerm&) const = default;
};

struct JointReads {
  std::vector<JointPart> parts;
  std::string_view items;  ///< A packed array; the first of them are those of the first part.
};

struct JointAnswers {
  std::vector<JointTerm> terms;  ///< In the order of the parts.
  std::string_view outcomes;     ///< A packed array.
};

std::string pack_joint_reads(std::span<const JointPart> parts, std::string_view items);
/// Error: kInvalidArgument; also where there is no part, or where it is larger than a broker makes it: more than
/// kPartitionsMax parts, kBatchItemsMax items or kJointReadsBytesMax bytes of them.
Result<JointReads> read_joint_reads(std::string_view body);

/// The room that the terms of so many parts take in front of the outcomes.
constexpr std::size_t joint_terms_size(std::size_t parts) { return 4 + 16 * parts; }
std::string pack_joint_terms(std::span<const JointTerm> terms);
/// Error: kInvalidArgument.
Result<JointAnswers> read_joint_answers(std::string_view body);

}  // namespace trellis
