#include "protocol/command.hpp"

#include <algorithm>
#include <string>

#include "protocol/access/access_changes.hpp"
#include "protocol/fence.hpp"
#include "protocol/lenient.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// What helps where a command was written in other letters than upper case.
std::string in_upper_case(std::string_view name) {
  std::string upper(name.substr(0, 32));
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
  return upper != name && command_of(upper) ? "; commands are in upper case: " + upper : "";
}

/// Reads `count` elements: the command, its arguments and perhaps its options, which end `packed`.
void read_item_elements(BatchItem& item, std::string_view packed, PackedReader& reader, std::uint32_t count) {
  item.packed = packed;
  if (count < 2 || count > 3) {
    item.error = invalid_argument("a batch item must be [command, arguments] or [command, arguments, options]");
    return;
  }
  const auto name = read_text(reader);
  const auto command = name ? command_of(*name) : std::nullopt;
  if (!command || !is_on_one_key(*command)) {
    item.error = invalid_argument((name ? quoted_excerpt(*name) : std::string("that")) + " cannot stand in a BATCH; " +
                                  names_where(is_on_one_key) + " can" + (name ? in_upper_case(*name) : ""));
    return;
  }
  item.command = *command;
  const auto arguments = reader.read_value();
  if (!arguments) {
    item.error = invalid_argument("arguments must be an array");
    return;
  }
  item.arguments = arguments_of(*arguments);
  if (count == 3) item.error = read_options(reader, *command, OptionPlace::kBatchItem, item.options);
}

void read_item(BatchItem& item, std::string_view packed) {
  PackedReader reader(packed);
  const std::uint32_t count = reader.read_array().value_or(0);
  read_item_elements(item, packed, reader, count);
}

/// What is wrong with a frame whose head is read into `request`: its id, as soon as that is known, and all else.
std::optional<Error> read_head(std::string_view frame, Request& request) {
  PackedReader reader(frame);
  const auto elements = reader.read_array();
  if (!elements || *elements == 0) {
    return invalid_argument("a request must be a MessagePack array [version, id, command, arguments, options]");
  }
  const auto version = reader.read_int();
  // The id is looked for even behind a wrong version, so that the client can tell which request was wrong.
  if (!version && !reader.read_value()) return invalid_argument("the request ends before its version");
  const auto id = *elements > 1 ? read_whole(reader) : std::nullopt;
  const bool is_good_id = id && *id <= static_cast<std::uint64_t>(INT64_MAX);
  if (is_good_id) request.id = *id;
  if (!version) return invalid_argument("version must be an int; this broker speaks version 1");
  if (*version != 1) {
    return invalid_argument("version " + std::to_string(*version) + " is not spoken here; version 1 is");
  }
  if (!is_good_id) return invalid_argument("id must be a uint from 0 to 2^63-1");
  if (*elements < 4 || *elements > 5) {
    return invalid_argument("a request has 4 or 5 elements [version, id, command, arguments, options], this one has " +
                            std::to_string(*elements));
  }
  const auto name = read_text(reader);
  if (!name) return invalid_argument("command must be a str");
  const auto command = command_of(*name);
  if (!command) return invalid_argument("unknown command " + quoted_excerpt(*name) + in_upper_case(*name));
  request.command = *command;
  const std::string_view rest = frame.substr(reader.position());
  const auto arguments = reader.read_value();
  if (arguments) request.arguments = arguments_of(*arguments);
  if (!PackedReader(request.arguments).read_array()) return invalid_argument("arguments must be an array");
  request.body = *arguments;
  if (*elements == 5) {
    if (auto problem = read_options(reader, *command, OptionPlace::kRequest, request.options)) return problem;
    if (are_for_worker(request.options)) request.body = rest;
  }
  if (!reader.at_end()) return invalid_argument("bytes after the request");
  return std::nullopt;
}

}  // namespace

std::variant<Request, BadRequest> read_request(std::string_view frame) {
  // It is put together where it is returned: a copy would cost more than all that is read.
  std::variant<Request, BadRequest> read;
  Request& request = std::get<Request>(read);
  if (auto problem = read_head(frame, request)) {
    // Whatever is wrong with a frame that is cut off or no MessagePack, that is what helps.
    if (const auto where = broken_at(frame)) problem = invalid_argument("not valid MessagePack: the request " + *where);
    read = BadRequest{request.id, std::move(*problem)};
  }
  return read;
}

Result<std::vector<BatchItem>> read_batch(std::string_view arguments) {
  PackedReader reader(arguments);
  if (reader.read_array() != 1u) {
    return invalid_argument("arguments must be " + std::string(row_of(Signature::kItems).form));
  }
  const auto count = reader.read_array();
  if (!count) return invalid_argument("the items of a BATCH must be an array");
  if (*count > kBatchItemsMax) {
    return invalid_argument("a BATCH has at most " + std::to_string(kBatchItemsMax) + " items, this one has " +
                            std::to_string(*count));
  }
  std::vector<BatchItem> items;
  items.reserve(*count);
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto packed = reader.read_value();
    if (!packed) return invalid_argument("the items of a BATCH are cut off");
    BatchItem& item = items.emplace_back();
    read_item(item, *packed);
    item.index = i;
  }
  return items;
}

std::optional<Result<void>> IndexedBatchReader::next(BatchItem& item) {
  if (!left_) {
    left_ = reader_.read_array();
    if (!left_ || *left_ > kBatchItemsMax) return invalid_argument("a batch for a worker must be an array of items");
  }
  if (*left_ == 0) {
    if (!reader_.at_end()) return invalid_argument("bytes after a batch");
    return std::nullopt;
  }
  --*left_;
  const auto packed = reader_.read_value();
  if (!packed) return invalid_argument("the items of a batch are cut off");
  PackedReader elements(*packed);
  const std::uint32_t size = elements.read_array().value_or(0);
  const auto index = elements.read_uint();
  if (size == 0 || !index || *index >= kBatchItemsMax) return invalid_argument("a batch item without its position");
  read_item_elements(item, *packed, elements, size - 1);
  item.index = static_cast<std::uint32_t>(*index);
  return Result<void>();
}

std::optional<Result<BatchItem>> IndexedBatchReader::next() {
  BatchItem item;
  const auto is_good = next(item);
  if (!is_good) return std::nullopt;
  return *is_good ? Result<BatchItem>(std::move(item)) : is_good->error();
}

Result<std::vector<BatchItem>> read_indexed_batch(std::string_view packed) {
  IndexedBatchReader reader(packed);
  std::vector<BatchItem> items;
  while (auto item = reader.next()) {
    if (!*item) return item->error();
    items.push_back(std::move(**item));
  }
  return items;
}

std::string command_body(std::string_view arguments, const Options& options) {
  std::string body(arguments);
  if (are_for_worker(options)) pack_options(body, options);
  return body;
}

BatchItem read_command_body(Command command, std::string_view body) {
  BatchItem item;
  item.command = command;
  PackedReader reader(body);
  const auto arguments = reader.read_value();
  if (!arguments) {
    item.error = invalid_argument("arguments must be an array");
    return item;
  }
  item.arguments = arguments_of(*arguments);
  if (reader.at_end()) return item;
  item.error = read_options(reader, command, OptionPlace::kRequest, item.options);
  if (!item.error && !reader.at_end()) item.error = invalid_argument("bytes after the options");
  return item;
}

Result<void> check_arguments(Command command, std::string_view arguments, Dialect dialect) {
  const auto outcome = [](const auto& read) { return read ? Result<void>() : Result<void>(read.error()); };
  switch (row_of(command).signature) {
    case Signature::kNothing: return read_nothing(arguments);
    case Signature::kKey: return outcome(read_key(arguments));
    case Signature::kRecord: return outcome(read_put(arguments));
    case Signature::kPath: return outcome(read_query(arguments));
    case Signature::kFormula: return outcome(read_compute(arguments));
    case Signature::kPage: return outcome(read_page(arguments));
    case Signature::kPrefix: return outcome(read_count(arguments));
    case Signature::kItems: return outcome(read_batch(arguments));
    case Signature::kChanges: return outcome(read_patch(arguments, dialect));
    case Signature::kLifetime: return outcome(read_lifetime(arguments));
    case Signature::kMember: return outcome(read_member(arguments));
    case Signature::kSettings: return outcome(read_settings(arguments));
    case Signature::kRecovery: return outcome(read_recovery(arguments));
    case Signature::kUserKey:
    case Signature::kUserRole:
    case Signature::kToken:
    case Signature::kName:
    case Signature::kRole: return check_access_arguments(command, arguments);
    case Signature::kFence: return outcome(read_fence(arguments));
    case Signature::kFenceName: return outcome(read_fence_holds(arguments));
    case Signature::kFencePage: return outcome(read_fence_page(arguments));
  }
  return {};
}

std::string pack_request(std::uint64_t id, Command command, std::string_view arguments, const Options& options) {
  std::string out;
  out.reserve(32 + arguments.size());
  PackedWriter writer(out);
  writer.array(5).natural(1).natural(id).str(name_of(command)).packed(arguments);
  pack_options(out, options);
  return out;
}

}  // namespace trellis
