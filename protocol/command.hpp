// Requests: from a packed frame to typed commands, and from commands to frames.  The format is docs/protocol.md's.
//
// A broker reads all but the arguments, and passes on the part that concerns a worker, which reads them.  Views point
// into the frame they were read from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/arguments.hpp"
#include "protocol/command_table.hpp"
#include "protocol/options.hpp"
#include "protocol/packed.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct Request {
  std::uint64_t id = 0;
  Command command = Command::kPing;
  std::string_view arguments;  ///< The packed array, its elements not yet read.
  std::string_view body;       ///< What a worker is told of it, as command_body() has it; where it was read.
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

struct BatchItem {
  std::uint32_t index = 0;  ///< Its position in the client's BATCH.
  Command command = Command::kGet;
  std::string_view arguments;
  Options options;
  std::string_view packed;     ///< The item as it came.
  std::optional<Error> error;  ///< Set where the item is bad; the others are done all the same.
};

/// Takes the packed argument array of a BATCH.  Error: kInvalidArgument; a bad item carries its own.
Result<std::vector<BatchItem>> read_batch(std::string_view arguments);
/// The items of one partition with their positions, as a worker gets them (RequestKind::kBatch): an array of
/// [index, command, arguments] or [index, command, arguments, options].
Result<std::vector<BatchItem>> read_indexed_batch(std::string_view packed);

/// The same, an item at a time.
class IndexedBatchReader {
 public:
  explicit IndexedBatchReader(std::string_view packed) : reader_(packed) {}
  /// Nothing behind the last item.  After an error the batch is not to be read any further.
  std::optional<Result<BatchItem>> next();
  /// The same into `item`, which is as it was made.
  std::optional<Result<void>> next(BatchItem& item);

 private:
  PackedReader reader_;
  std::optional<std::uint32_t> left_;  ///< Items; nothing before the first was read.
};

/// What a worker is told of a command: its arguments and, behind them, its options where they say anything to it.
std::string command_body(std::string_view arguments, const Options& options);
/// Reads that.  Arguments and options that are bad leave their error in the item.
BatchItem read_command_body(Command command, std::string_view body);

/// How a PATCH with these options means its operations.
inline Dialect dialect_of(const Options& options) { return options.pointer ? Dialect::kPointer : Dialect::kOwn; }
/// What is wrong with the arguments, all of them; of a BATCH its items stand for themselves.  Error: kInvalidArgument.
Result<void> check_arguments(Command command, std::string_view arguments, Dialect dialect = Dialect::kOwn);

/// Packs a request frame.  `arguments` is a packed array; options with their default value are left out.
std::string pack_request(std::uint64_t id, Command command, std::string_view arguments, const Options& options);

}  // namespace trellis
