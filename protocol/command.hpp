// Requests: from a packed frame to typed commands, and from commands to frames.  The format is docs/protocol.md's.
//
// A broker reads the head alone and passes the frame on as it came; a worker reads the arguments.  Views point into the
// frame they were read from.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/document.hpp"
#include "protocol/limits.hpp"
#include "protocol/result.hpp"

namespace trellis {

enum class Command : std::uint8_t {
  kPut,
  kSet,
  kGet,
  kHas,
  kDelete,
  kPop,
  kQuery,
  kCompute,
  kKeys,
  kScan,
  kCount,
  kBatch,
  kMembers,
  kLocate,
  kStatus,
  kPing,
};

std::string_view name_of(Command command);
std::optional<Command> command_of(std::string_view name);

/// Whether it changes a document.  BATCH is neither a write nor a read: its items are.
bool is_write(Command command);
/// PUT, SET, GET, HAS, DELETE, POP and QUERY: commands on one key, which may stand in a BATCH.
bool is_on_one_key(Command command);

struct Options {
  std::chrono::milliseconds timeout = kTimeoutDefault;
  bool stale = false;
  std::optional<std::string_view> session;  ///< 1 to kSessionSizeMax bytes, always together with seq.
  std::uint64_t seq = 0;
  std::optional<std::uint64_t> floor;  ///< With a session; at most seq: the lowest seq that may still be sent again.
  bool if_absent = false;
  std::optional<std::uint64_t> if_version;
  bool load = false;  ///< MEMBERS: tell what each worker does, too.
};

struct Request {
  std::uint64_t id = 0;
  Command command = Command::kPing;
  std::string_view arguments;  ///< The packed array, its elements not yet read.
  Options options;
};

/// What is wrong with a request, and the id its reply carries (0 where it was too broken to have one).
struct BadRequest {
  std::uint64_t id = 0;
  Error error;
};

/// Reads the head of a request frame: everything but the arguments' elements, whose packing is checked to be whole.
/// Options are checked, also against the command.  Errors: kInvalidArgument, also for a version other than 1.
std::variant<Request, BadRequest> read_request(std::string_view frame);

struct PutArguments {
  std::string_view key;
  std::string_view document;  ///< Checked.
};
struct PageArguments {
  std::string_view prefix;
  std::size_t limit = kPageKeysDefault;
  std::optional<std::string_view> after;
};
struct QueryArguments {
  std::string_view key;
  Path path;  ///< Without the key.
};
struct Variable {
  std::string_view name;
  QueryArguments query;
  std::string_view packed_path;  ///< The path as it came, to be passed on as QUERY's argument.
};
struct ComputeArguments {
  std::string_view expression;
  std::vector<Variable> variables;
};
struct BatchItem {
  std::uint32_t index = 0;  ///< Its position in the client's BATCH.
  Command command = Command::kGet;
  std::string_view arguments;
  Options options;
  std::string_view packed;     ///< The item as it came.
  std::optional<Error> error;  ///< Set where the item is bad; the others are done all the same.
};

/// All of these take the packed argument array of a Request or BatchItem.  Errors: kInvalidArgument.
Result<PutArguments> read_put(std::string_view arguments);
Result<std::string_view> read_key(std::string_view arguments);  ///< GET, HAS, DELETE, POP, LOCATE.
Result<QueryArguments> read_query(std::string_view arguments);
Result<ComputeArguments> read_compute(std::string_view arguments);
Result<PageArguments> read_page(std::string_view arguments);  ///< KEYS, SCAN.
Result<std::string_view> read_count(std::string_view arguments);
Result<std::vector<BatchItem>> read_batch(std::string_view arguments);
/// The items of one partition with their positions, as a worker gets them (RequestKind::kBatch): an array of
/// [index, command, arguments] or [index, command, arguments, options].
Result<std::vector<BatchItem>> read_indexed_batch(std::string_view packed);
Result<void> read_nothing(std::string_view arguments);  ///< MEMBERS, STATUS, PING.

/// The key of a command on one key, without reading (or checking) what follows it: enough to route by.
Result<std::string_view> read_routing_key(Command command, std::string_view arguments);

/// A path in dots, as people type it, for messages: person2.address.number, "my.key".sub
std::string to_text(std::string_view key, const Path& path);

/// Packs a request frame.  `arguments` is a packed array; options with their default value are left out.
std::string pack_request(std::uint64_t id, Command command, std::string_view arguments, const Options& options);
/// Packs the options alone, as the map that stands in a request or a batch item.
void pack_options(std::string& out, const Options& options);

}  // namespace trellis
