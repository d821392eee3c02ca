// Prepare: from a broker's request to what the worker has to do for it, item by item.
//
// Arguments are checked here and nowhere after: what is proposed can be applied, what is read can be answered.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/command.hpp"
#include "protocol/effort.hpp"
#include "protocol/result.hpp"
#include "worker/state/command_result.hpp"
#include "worker/state/entry.hpp"
#include "worker/state/read.hpp"

namespace trellis {

/// One command of a request: an entry to propose, a read to execute, or the answer at once (bad arguments).
struct PreparedItem {
  std::uint32_t index = 0;  ///< Its position in the client's BATCH, for pack_batch_item; 0 for a single command.
  std::variant<Read, Entry, CommandResult> task;

  const Entry* entry() const { return std::get_if<Entry>(&task); }
  Entry* entry() { return std::get_if<Entry>(&task); }
  const Read* read() const { return std::get_if<Read>(&task); }
  const CommandResult* answer() const { return std::get_if<CommandResult>(&task); }
};

/// Views point into the request's body and session: keep it as long as this.
class PreparedRequest {
 public:
  RequestKind kind = RequestKind::kCommand;
  std::uint64_t id = 0;  ///< kCommand: the client's, for pack_reply_frame.

  /// kCommand: exactly one.  kBatch: in the order of the body.
  std::span<const PreparedItem> items() const {
    return kind == RequestKind::kBatch ? std::span<const PreparedItem>(many) : std::span<const PreparedItem>(&one, 1);
  }

  std::span<PreparedItem> items() {
    return kind == RequestKind::kBatch ? std::span<PreparedItem>(many) : std::span<PreparedItem>(&one, 1);
  }

  /// The key of a single command on one key; else empty.
  std::string_view key() const {
    if (kind == RequestKind::kBatch) return {};
    if (const Entry* entry = one.entry()) return entry->key;
    return one.read() == nullptr ? std::string_view() : one.read()->key;
  }

  PreparedItem one;                ///< kCommand: held here, without an allocation.
  std::vector<PreparedItem> many;  ///< kBatch.
};

/// Error: kInvalidArgument, where the body of a kBatch is no array of items (its broker is at fault: whatever else is
/// wrong becomes the answer of the item).
Result<PreparedRequest> prepare(const WorkerRequest& request);

/// The same for a kCommand, which comes to something whatever its body is.
void prepare_command(const WorkerRequest& request, PreparedRequest& prepared);

/// A read of one key: an item of a kReads, or a kCommand.
PreparedItem prepare_read_alone(const BatchItem& item);

/// The same for a kBatch, some items at a time: checking 64 MiB of documents takes longer than a turn may.
class Preparation {
 public:
  /// @param request  stays where it is
  explicit Preparation(const WorkerRequest& request) : request_(request), reader_(request.body.bytes()) {}

  /// Goes on until all is prepared, or it has taken `most`.  Returns what it took.
  Result<Effort> go_on(Effort most);
  bool is_done() const { return is_done_; }
  PreparedRequest take() &&;

 private:
  void reserve();

  const WorkerRequest& request_;
  IndexedBatchReader reader_;
  std::vector<BatchItem> items_;
  std::vector<PreparedItem> prepared_;
  bool is_done_ = false;
};

}  // namespace trellis
