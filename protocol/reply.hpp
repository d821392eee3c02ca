// Replies: packing them, reading them, and adding to their info.  The format is docs/protocol.md's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

/// With FAILED_PRECONDITION, where it is not a condition of the request that failed: what is known of the write that
/// came first under its session and seq.
enum class ExactlyOnce : std::uint8_t {
  kNothing,       ///< It was a condition.
  kUnknown,       ///< It was perhaps applied; what was remembered of it is gone.
  kOtherRequest,  ///< It was another one.
  kApplied,       ///< It was applied; its reply was too large to keep.
};
/// Empty for kNothing.
std::string_view name_of(ExactlyOnce told);

/// Fields that say nothing are left out of the packed map.
struct ReplyInfo {
  std::string message;
  std::optional<std::uint64_t> version;
  std::optional<std::uint64_t> ttl_ms;  ///< GET and HAS: what is left of the document's time, where that is limited.
  bool more = false;
  /// KEYS and SCAN with a pattern: the key behind which the listing goes on, where there is more.
  std::optional<std::string> after;
  bool guaranteed = true;
  ExactlyOnce exactly_once = ExactlyOnce::kNothing;
  std::vector<std::string> warnings;
  std::vector<std::uint32_t> missing_partitions;
  bool filtered = false;  ///< KEYS, SCAN and COUNT: only what the user may read of what was asked for.
};

struct Reply {
  std::uint64_t id = 0;
  Code status = Code::kOk;
  std::string_view result;  ///< One packed value; empty stands for nil.
  ReplyInfo info;
};

std::string pack_reply(const Reply& reply);
/// The same for an error.
std::string pack_error(std::uint64_t id, const Error& error);
/// A message goes out as one line of UTF-8, cut where it is very long, whatever it holds.
void pack_info(std::string& out, const ReplyInfo& info);

/// Reads a reply frame; views point into it.  Unknown info fields are passed over.  Error: kInvalidArgument.
Result<Reply> read_reply(std::string_view frame);
/// Reads the info map at the front of `packed`, which must be exactly that.
Result<ReplyInfo> read_info(std::string_view packed);

}  // namespace trellis
