// The operations of a PATCH, as they stand in requests and in the log: an array of [name, path, value].
//
// What an operation says is read here, what it does stands in protocol/patch/patcher.  Views point into the packed
// array.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/document.hpp"
#include "protocol/result.hpp"

namespace trellis {

enum class PatchKind : std::uint8_t {
  kSet,
  kReplace,
  kIncrement,
  kAppend,
  kInsert,
  kRemove,
  kPop,
  kCopy,
  kMove,
  kMerge,
  kTest,
  kAdd,  ///< RFC 6902's alone.
};
std::string_view name_of(PatchKind kind);

/// What the operations mean: the protocol's own, or RFC 6902's, in which every step is a str.
enum class Dialect : std::uint8_t { kOwn, kPointer };

struct PatchOperation {
  PatchKind kind = PatchKind::kSet;
  Path path;
  std::string_view value;  ///< One packed value; empty where the kind takes none.
  Path from;               ///< kCopy and kMove.
};

/// Reads 1 to kPatchOperationsMax operations.  That values are documents is not checked.  Error: kInvalidArgument.
Result<std::vector<PatchOperation>> read_operations(std::string_view packed, Dialect dialect);

/// Whether each value may be stored, and the request is one that may be carried out: see kPatchWalkMax.
/// Error: kInvalidArgument.
Result<void> check_operations(const std::vector<PatchOperation>& operations);

/// "operation 2 (increment)", counted from 1, for messages.
std::string name_of_operation(std::size_t index, PatchKind kind);

}  // namespace trellis
