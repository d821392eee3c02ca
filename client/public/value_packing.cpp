#include "client/public/value_packing.hpp"

#include "protocol/packed.hpp"

namespace trellis::client {
namespace {

std::optional<Value> read(PackedReader& reader, int depth);

std::optional<Value> read_array(PackedReader& reader, std::uint32_t count, int depth) {
  Array array;
  for (; count > 0; --count) {
    auto element = read(reader, depth - 1);
    if (!element) return std::nullopt;
    array.push_back(std::move(*element));
  }
  return Value(std::move(array));
}

std::optional<Value> read_map(PackedReader& reader, std::uint32_t count, int depth) {
  Map map;
  for (; count > 0; --count) {
    const auto key = reader.read_str();
    auto value = key ? read(reader, depth - 1) : std::nullopt;
    if (!value) return std::nullopt;
    map.emplace_back(*key, std::move(*value));
  }
  return Value(std::move(map));
}

std::optional<Value> read(PackedReader& reader, int depth) {
  const auto token = reader.next();
  if (!token || depth < 0) return std::nullopt;
  switch (token->type) {
    case PackedType::kNil: return Value();
    case PackedType::kBool: return Value(token->boolean);
    case PackedType::kInt: return Value(token->integer);
    case PackedType::kUint: return Value(token->natural);
    case PackedType::kFloat32:
    case PackedType::kFloat64: return Value(token->number);
    case PackedType::kStr: return Value(token->bytes);
    case PackedType::kBin: return Value(Bytes{std::string(token->bytes)});
    case PackedType::kArray: return read_array(reader, token->count, depth);
    case PackedType::kMap: return read_map(reader, token->count, depth);
    case PackedType::kExt: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

void pack(std::string& out, const Array& array) {
  PackedWriter(out).array(array.size());
  for (const Value& element : array) pack(out, element);
}

void pack(std::string& out, const Value& value) {
  PackedWriter writer(out);
  if (value.is_null()) {
    writer.nil();
  } else if (const auto boolean = value.as_bool()) {
    writer.boolean(*boolean);
  } else if (const auto integer = value.as_int()) {
    writer.integer(*integer);
  } else if (const auto natural = value.as_uint()) {
    writer.natural(*natural);
  } else if (const auto number = value.as_number()) {
    writer.float64(*number);
  } else if (const auto* const text = value.as_text()) {
    writer.str(*text);
  } else if (const auto* const bytes = value.as_bytes()) {
    writer.bin(bytes->bytes);
  } else if (const auto* const array = value.as_array()) {
    pack(out, *array);
  } else if (const auto* const map = value.as_map()) {
    writer.map(map->size());
    for (const auto& [key, held] : *map) {
      PackedWriter(out).str(key);
      pack(out, held);
    }
  }
}

std::optional<Value> unpack(std::string_view packed) {
  // Around a document stand a BATCH's outcome, its list, and a record.
  constexpr int kDepthMax = kNestingMax + 4;
  PackedReader reader(packed);
  auto value = read(reader, kDepthMax);
  return value && reader.at_end() ? std::move(value) : std::nullopt;
}

trellis::Options to_protocol(const Options& options, std::chrono::milliseconds timeout) {
  trellis::Options result;
  result.timeout = options.timeout.value_or(timeout);
  result.stale = options.stale;
  result.session = options.session;
  result.seq = options.seq;
  result.floor = options.floor;
  result.if_absent = options.if_absent;
  result.if_present = options.if_present;
  result.if_version = options.if_version;
  if (options.ttl) result.ttl_ms = static_cast<std::uint64_t>(options.ttl->count());
  result.strict = options.strict;
  result.return_document = options.return_document;
  result.pointer = options.pointer;
  result.load = options.load;
  result.as = options.as;
  result.range = {options.at_least, options.below, options.match, options.reverse};
  return result;
}

}  // namespace trellis::client
