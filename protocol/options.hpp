// The options of a request: typed, and read and packed as the map that stands in a request or in an item of a BATCH.
// Which options a command takes is in its row of protocol/command_table.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/command_table.hpp"
#include "protocol/key_range.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct Options {
  std::chrono::milliseconds timeout = kTimeoutDefault;
  bool stale = false;
  std::optional<std::string_view> session;  ///< 1 to kSessionSizeMax bytes, always together with seq.
  std::uint64_t seq = 0;
  std::optional<std::uint64_t> floor;  ///< With a session; at most seq: the lowest seq that may still be sent again.
  bool if_absent = false;
  bool if_present = false;
  std::optional<std::uint64_t> if_version;
  std::optional<std::uint64_t> ttl_ms;  ///< PUT, SET and PATCH: 1 to kTtlMax.
  bool strict = false;                  ///< PATCH.
  bool return_document = false;         ///< PATCH: for its result.
  bool pointer = false;                 ///< PATCH: the operations mean what RFC 6902 says.
  bool allow_fewer = false;             ///< MEMBER_REMOVE: fewer than 2k-1 workers may be left.
  bool dry_run = false;                 ///< MEMBER_REMOVE and SETTINGS: change nothing, and tell what would move.
  bool load = false;                    ///< MEMBERS: tell what each worker does, too.
  KeyRange range;                       ///< KEYS, SCAN and COUNT.
  std::optional<std::string_view> as;   ///< For whom it is asked: a user's name,
  bool as_token = false;                ///< or the hash of one's token.
};

/// Whether they say anything to whoever carries the command out: deadlines, sessions and the like are the broker's.
bool are_for_worker(const Options& options);

/// Where the options stand decides what is allowed: a batch item has neither session nor timeout of its own.
enum class OptionPlace : std::uint8_t { kRequest, kBatchItem };

/// Reads a map or nil, and checks it against the command.  Views point into `packed`.  Error: kInvalidArgument.
Result<Options> read_options(std::string_view packed, Command command, OptionPlace place);
/// The same from where a reader stands, into options that are all at their defaults.  Returns what is wrong.
std::optional<Error> read_options(PackedReader& reader, Command command, OptionPlace place, Options& options);

/// Appends the map; options with their default value are left out.
void pack_options(std::string& out, const Options& options);

}  // namespace trellis
