// Replies: packing them, reading them, and adding to their info.  The format is docs/protocol.md's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

/// Fields that say nothing are left out of the packed map.
struct ReplyInfo {
  std::string message;
  std::optional<std::uint64_t> version;
  bool more = false;
  bool guaranteed = true;
  std::vector<std::string> warnings;
  std::vector<std::uint32_t> missing_partitions;
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
