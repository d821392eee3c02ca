#include "worker/state/prepare.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "protocol/check.hpp"
#include "protocol/command.hpp"
#include "protocol/fence.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

using Task = std::variant<Read, Entry, CommandResult>;

Task answer(const Error& error) { return CommandResult::failed(error); }

/// Gives an entry the identity that its request came with.
Task identified(Entry entry, const WorkerRequest& request, std::uint32_t item) {
  if (request.session.empty() || request.session.size() > kSessionSizeMax) {
    return answer({Code::kInternal, "the broker sent a write without a session"});
  }
  entry.session = request.session;
  entry.broker_session = request.broker_session;
  entry.has_floor = request.has_floor;
  entry.seq = request.seq;
  entry.floor = request.floor;
  entry.item = static_cast<std::uint16_t>(item);
  entry.fingerprint = fingerprint_of(entry, request.kind == RequestKind::kBatch);
  return entry;
}

void take_conditions(const Options& options, Entry& entry) {
  entry.if_absent = options.if_absent;
  entry.if_present = options.if_present;
  entry.if_version = options.if_version;
  entry.ttl_ms = options.ttl_ms;
}

Task prepare_put(const WorkerRequest& request, const BatchItem& item) {
  const auto put = read_put(item.arguments);
  if (!put) return answer(put.error());
  Entry entry;
  entry.kind = kind_of(item.command);
  entry.key = put->key;
  entry.content = put->document;
  take_conditions(item.options, entry);
  return identified(entry, request, item.index);
}

Task prepare_patch(const WorkerRequest& request, const BatchItem& item) {
  const auto patch = read_patch(item.arguments, dialect_of(item.options));
  if (!patch) return answer(patch.error());
  Entry entry;
  entry.kind = kind_of(item.command);
  entry.key = patch->key;
  entry.content = patch->packed;
  take_conditions(item.options, entry);
  entry.strict = item.options.strict;
  entry.return_document = item.options.return_document;
  entry.pointer = item.options.pointer;
  return identified(entry, request, item.index);
}

Task prepare_removal(const WorkerRequest& request, const BatchItem& item) {
  const auto key = read_key(item.arguments);
  if (!key) return answer(key.error());
  Entry entry;
  entry.kind = kind_of(item.command);
  entry.key = *key;
  take_conditions(item.options, entry);
  return identified(entry, request, item.index);
}

Task prepare_expire(const WorkerRequest& request, const BatchItem& item) {
  const auto lifetime = read_lifetime(item.arguments);
  if (!lifetime) return answer(lifetime.error());
  Entry entry;
  entry.kind = kind_of(item.command);
  entry.key = lifetime->key;
  take_conditions(item.options, entry);
  entry.ttl_ms = lifetime->ttl_ms;
  return identified(entry, request, item.index);
}

Task prepare_read(const BatchItem& item) {
  Task task;
  Read& read = std::get<Read>(task);
  read.command = item.command;
  if (row_of(item.command).signature == Signature::kPath) {
    auto query = read_query(item.arguments);
    if (!query) return answer(query.error());
    read.key = query->key;
    read.path = std::move(query->path);
  } else {
    const auto key = read_key(item.arguments);
    if (!key) return answer(key.error());
    read.key = *key;
  }
  return task;
}

Task prepare_page(const WorkerRequest& request, const BatchItem& item) {
  Read read;
  read.command = item.command;
  read.range = item.options.range;
  if (row_of(item.command).signature == Signature::kPrefix) {
    const auto prefix = read_count(item.arguments);
    if (!prefix) return answer(prefix.error());
    read.page.prefix = *prefix;
    return read;
  }
  const auto page = read_page(item.arguments);
  if (!page) return answer(page.error());
  read.page = *page;
  if (request.page_bytes != 0) read.page_size_max = std::min<std::size_t>(request.page_bytes, kPageSizeMax);
  return read;
}

Task prepare_fence(const WorkerRequest& request, const BatchItem& item) {
  const auto fence = read_fence(item.arguments);
  if (!fence) return answer(fence.error());
  if (fence->partition != request.partition.value) return answer({Code::kInternal, "a fence for another partition"});
  Entry entry;
  entry.kind = kind_of(item.command);
  entry.content = item.arguments;
  return identified(entry, request, item.index);
}

Task prepare_fence_read(const WorkerRequest& request, const BatchItem& item) {
  Read read;
  read.command = item.command;
  std::uint32_t partition = 0;
  if (item.command == Command::kFenceHolds) {
    const auto fence = read_fence_holds(item.arguments);
    if (!fence) return answer(fence.error());
    partition = fence->partition;
    read.fence = fence->fence;
  } else {
    const auto page = read_fence_page(item.arguments);
    if (!page) return answer(page.error());
    partition = page->partition;
    read.fence = page->fence;
    read.page.after = page->after;
    read.page_size_max = page->size_max;
  }
  if (partition != request.partition.value) return answer({Code::kInternal, "a fence for another partition"});
  return read;
}

Task prepare_item(const WorkerRequest& request, const BatchItem& item) {
  if (item.error) return answer(*item.error);
  const CommandRow& row = row_of(item.command);
  if (row.reach == Reach::kOneKey && row.effect == Effect::kReads) return prepare_read(item);
  if (row.reach == Reach::kOneKey && row.signature == Signature::kRecord) return prepare_put(request, item);
  if (row.reach == Reach::kOneKey && row.signature == Signature::kChanges) return prepare_patch(request, item);
  if (row.reach == Reach::kOneKey && row.signature == Signature::kLifetime) return prepare_expire(request, item);
  if (row.reach == Reach::kOneKey) return prepare_removal(request, item);
  if (row.signature == Signature::kFence) return prepare_fence(request, item);
  if (row.reach == Reach::kOnePartition) return prepare_fence_read(request, item);
  if (row.signature == Signature::kPage || row.signature == Signature::kPrefix) return prepare_page(request, item);
  return answer({Code::kInternal, std::string(name_of(item.command)) + " is answered by brokers, not by workers"});
}

/// Reads of keys that the same batch writes go through the log as well, so that they see what stands before them and
/// nothing that stands after.
void log_reads_among_writes(const WorkerRequest& request, const std::vector<BatchItem>& items,
                            std::vector<PreparedItem>& prepared) {
  std::unordered_set<std::string_view> written;
  bool reads = false;
  for (const PreparedItem& item : prepared) {
    if (const Entry* entry = item.entry()) written.insert(entry->key);
    reads = reads || item.read() != nullptr;
  }
  if (written.empty() || !reads) return;
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    const Read* read = prepared[i].read();
    if (read == nullptr || !written.contains(read->key)) continue;
    Entry entry;
    entry.kind = kind_of(read->command);
    entry.key = read->key;
    if (row_of(read->command).signature == Signature::kPath) entry.content = items[i].arguments;
    prepared[i].task = identified(entry, request, items[i].index);
  }
}

}  // namespace

void prepare_command(const WorkerRequest& request, PreparedRequest& prepared) {
  prepared.id = request.id;
  prepared.one.task = prepare_item(request, read_command_body(request.command, request.body.bytes()));
}

Result<PreparedRequest> prepare(const WorkerRequest& request) {
  if (request.kind == RequestKind::kCommand) {
    PreparedRequest prepared;
    prepare_command(request, prepared);
    return prepared;
  }
  Preparation preparation(request);
  while (!preparation.is_done()) {
    if (const auto gone_on = preparation.go_on(kEffortMillisecond); !gone_on) return gone_on.error();
  }
  return std::move(preparation).take();
}

PreparedItem prepare_read_alone(const BatchItem& item) {
  if (item.error) return {item.index, answer(*item.error)};
  const CommandRow& row = row_of(item.command);
  if (row.reach == Reach::kOneKey && row.effect == Effect::kReads) return {item.index, prepare_read(item)};
  return {item.index, answer({Code::kInternal, std::string(name_of(item.command)) + " is no read of one key"})};
}

Result<Effort> Preparation::go_on(Effort most) {
  Effort taken = 0;
  if (items_.empty()) reserve();
  while (taken < most) {
    BatchItem& item = items_.emplace_back();
    const auto is_good = reader_.next(item);
    if (!is_good) {
      items_.pop_back();
      log_reads_among_writes(request_, items_, prepared_);
      is_done_ = true;
      break;
    }
    if (!*is_good) return is_good->error();
    taken += kItemEffort + (is_write(item.command) ? read_effort(item.packed.size()) : 0);
    PreparedItem& prepared = prepared_.emplace_back();
    prepared.index = item.index;
    prepared.task = prepare_item(request_, item);
  }
  return taken;
}

/// For as many items as the batch says that it has, and has bytes for.
void Preparation::reserve() {
  constexpr std::size_t kItemSizeMin = 4;
  const std::string_view body = request_.body.bytes();
  const std::size_t said = PackedReader(body).read_array().value_or(0);
  const std::size_t items = 1 + std::min({said, body.size() / kItemSizeMin, std::size_t{kBatchItemsMax}});
  items_.reserve(items);
  prepared_.reserve(items);
}

PreparedRequest Preparation::take() && {
  PreparedRequest prepared;
  prepared.kind = RequestKind::kBatch;
  prepared.many = std::move(prepared_);
  return prepared;
}

}  // namespace trellis
