// Fences: what a backup asks of partitions, and what they answer.  docs/protocol.md has them, as our own tools' alone.
//
//   FENCE        [partition, action, index, term]      through the partition's log:
//                  "begin"                   freezes the state on each replica -> [index, term, highest]
//                  "keep"  [index, term]     keeps what is frozen a while longer; the leader lets writes go on
//                  "end"   [index, term]     lets go of it, and the leader lets writes go on
//                  "raise" [index, name]     versions go on behind log index `index`, for the restore of that name
//                                            -> whether that was not done before; with index 0 it is only asked
//   FENCE_HOLDS  [partition, index, term]              of the leader: whether nothing has followed the fence -> bool
//   FENCE_READ   [partition, index, term, after, size] of any replica: a page of what was frozen
//                                                      -> [more, [[key, document, version, ttl_ms], ...]]
//
// A fence is named by index and term of its log entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace trellis {

/// The number of each stands in logs, and never changes.
enum class FenceAction : std::uint8_t { kBegin = 1, kKeep = 2, kEnd = 3, kRaise = 4 };

struct FenceName {
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  auto operator<=>(const FenceName&) const = default;
};

struct FenceArguments {
  std::uint32_t partition = 0;
  FenceAction action = FenceAction::kBegin;
  FenceName fence;  ///< kRaise: the log index, and the name of the restore.
};

struct FencePageArguments {
  std::uint32_t partition = 0;
  FenceName fence;
  std::optional<std::string_view> after;
  std::size_t size_max = 0;  ///< Bytes, 1 to kPageSizeMax.
};

/// What FENCE answers to "begin".
struct Fence {
  FenceName name;
  std::uint64_t highest =
      0;  ///< The log index that the versions of documents come to: `index`, and what it was raised.
};

// They take the packed argument array of a request.  Errors: kInvalidArgument.
Result<FenceArguments> read_fence(std::string_view arguments);
Result<FenceArguments> read_fence_holds(std::string_view arguments);
Result<FencePageArguments> read_fence_page(std::string_view arguments);
/// The partition that any of them is for, without reading what follows.
Result<std::uint32_t> read_routing_partition(std::string_view arguments);

std::string pack_fence(const FenceArguments& arguments);
std::string pack_fence_holds(std::uint32_t partition, const FenceName& fence);
std::string pack_fence_page(const FencePageArguments& arguments);

std::string pack_result(const Fence& fence);
Result<Fence> read_fence_result(std::string_view packed);

}  // namespace trellis
