#include "sim/operation_frames.hpp"

#include "protocol/check.hpp"
#include "protocol/packed.hpp"

namespace trellis::sim {

std::string pack_arguments(const Operation& operation) {
  std::string out;
  PackedWriter writer(out);
  switch (operation.command) {
    case Command::kPut:
    case Command::kSet:
    case Command::kPatch: writer.array(2).key(operation.key).packed(operation.document); break;
    case Command::kQuery:
      writer.array(1).array(1 + operation.path.size()).key(operation.key);
      for (const Operation::Segment& segment : operation.path) writer.str(std::get<std::string>(segment));
      break;
    case Command::kKeys:
    case Command::kScan:
      writer.array(3).key(operation.key).natural(operation.limit);
      if (operation.after) {
        writer.key(*operation.after);
      } else {
        writer.nil();
      }
      break;
    case Command::kExpire:
      writer.array(2).key(operation.key);
      operation.ttl_ms ? writer.natural(*operation.ttl_ms) : writer.nil();
      break;
    default: writer.array(1).key(operation.key); break;
  }
  return out;
}

std::string pack_batch(const std::vector<Operation>& items) {
  std::string out;
  PackedWriter writer(out);
  writer.array(1).array(items.size());
  for (const Operation& item : items) {
    std::string options;
    pack_options(options, options_of(item));
    writer.array(3).str(name_of(item.command)).packed(pack_arguments(item)).packed(options);
  }
  return out;
}

Options options_of(const Operation& operation) {
  Options options;
  options.stale = operation.stale;
  options.if_absent = operation.if_absent;
  options.if_version = operation.if_version;
  if (operation.command != Command::kExpire) options.ttl_ms = operation.ttl_ms;
  if (!operation.session.empty()) {
    options.session = operation.session;
    options.seq = operation.seq;
  }
  return options;
}

void take_result(Operation& operation, Code status, std::string_view result, const ReplyInfo& info) {
  operation.status = status;
  operation.guaranteed = info.guaranteed;
  // What a history knows of such a write: nothing, or that it was another one.
  if (info.exactly_once == ExactlyOnce::kUnknown) operation.status.reset();
  if (info.exactly_once == ExactlyOnce::kOtherRequest) operation.status = Code::kInvalidArgument;
  if (status != Code::kOk) return;
  operation.version = info.version;
  operation.more = info.more;
  PackedReader reader(result);
  switch (operation.command) {
    case Command::kPut:
    case Command::kSet:
    case Command::kHas:
    case Command::kExpire:
    case Command::kDelete: operation.flag = reader.read_bool(); break;
    case Command::kGet:
    case Command::kPop:
    case Command::kPatch:
    case Command::kTtl:
    case Command::kQuery: operation.found = std::string(result); break;
    case Command::kKeys:
    case Command::kScan: {
      const std::uint32_t count = reader.read_array().value_or(0);
      for (std::uint32_t i = 0; i < count; ++i) {
        if (operation.command == Command::kScan) reader.read_array();
        operation.keys.emplace_back(reader.read_bytes().value_or("?"));
        if (operation.command == Command::kScan) operation.documents.emplace_back(reader.read_value().value_or("?"));
      }
      break;
    }
    case Command::kCount: operation.count = reader.read_uint().value_or(~0ull); break;
    default: CHECK(false);
  }
}

}  // namespace trellis::sim
