#include "cli/backup/manifest.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "protocol/limits.hpp"

namespace trellis {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kIdSize = 16;
constexpr std::string_view kTailBegin = "  \"checksum\": \"";
constexpr std::string_view kTailEnd = "\"\n}\n";
constexpr std::size_t kTailSize = kTailBegin.size() + kIdSize + kTailEnd.size();

std::uint64_t checksum_of(std::string_view head) { return XXH3_64bits(head.data(), head.size()); }

std::optional<std::uint64_t> from_hex(std::string_view text) {
  if (text.size() != kIdSize) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && (c < 'a' || c > 'f')) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
  }
  return value;
}

Json to_json(const StreamEntry& stream) {
  return {{"file", stream.file},
          {"partition", stream.partition},
          {"index", stream.fence.index},
          {"term", stream.fence.term},
          {"records", stream.totals.records},
          {"bytes", stream.totals.bytes},
          {"checksum", hex_of(stream.totals.checksum)},
          {"packed_bytes", stream.packed_bytes},
          {"packed_checksum", hex_of(stream.packed_checksum)}};
}

/// Takes fields out of a JSON object, and keeps the first that is not as it should be.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  std::uint64_t natural(const char* name, std::uint64_t least, std::uint64_t most) {
    const Json* const value = find(name);
    if (value == nullptr) return 0;
    const bool is_good =
        value->is_number_unsigned() && value->get<std::uint64_t>() >= least && value->get<std::uint64_t>() <= most;
    if (!is_good) fail(name, "an int from " + std::to_string(least) + " to " + std::to_string(most));
    return is_good ? value->get<std::uint64_t>() : 0;
  }
  std::string text(const char* name) {
    const Json* const value = find(name);
    if (value == nullptr) return {};
    if (!value->is_string()) fail(name, "a text");
    return value->is_string() ? value->get<std::string>() : std::string();
  }
  std::uint64_t hex(const char* name) {
    const auto value = from_hex(text(name));
    if (!value) fail(name, "16 hex digits");
    return value.value_or(0);
  }
  const Json& array(const char* name) {
    static const Json kNone = Json::array();
    const Json* const value = find(name);
    if (value == nullptr) return kNone;
    if (!value->is_array()) fail(name, "an array");
    return value->is_array() ? *value : kNone;
  }
  void fail(const std::string& name, std::string right) {
    if (!wrong_) wrong_ = Damage{"", 0, false, where_ + name + " is not what it can be", std::move(right)};
  }
  const std::optional<Damage>& wrong() const { return wrong_; }

 private:
  const Json* find(const char* name) {
    const auto at = object_.find(name);
    if (at != object_.end()) return &*at;
    fail(name, "there to be one");
    return nullptr;
  }

  const Json& object_;
  std::string where_;
  std::optional<Damage> wrong_;
};

Damage wrong(std::uint64_t offset, std::string what, std::string right = {}) {
  return {"", offset, false, std::move(what), std::move(right)};
}

Result<StreamEntry, Damage> read_stream(const Json& json, std::uint32_t partitions, std::size_t position) {
  const std::string where = "stream " + std::to_string(position) + ": ";
  if (!json.is_object()) return wrong(0, where + "it is no object");
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  Fields fields(json, where);
  StreamEntry stream;
  stream.file = fields.text("file");
  stream.partition = static_cast<std::uint32_t>(fields.natural("partition", 0, partitions - 1));
  stream.fence = {fields.natural("index", 1, kMost), fields.natural("term", 1, kMost)};
  stream.totals.records = fields.natural("records", 0, kMost);
  stream.totals.bytes = fields.natural("bytes", 1, kMost);
  stream.totals.checksum = fields.hex("checksum");
  stream.packed_bytes = fields.natural("packed_bytes", 1, kMost);
  stream.packed_checksum = fields.hex("packed_checksum");
  if (!fields.wrong() && stream.file != stream_file(stream.partition))
    fields.fail("file", stream_file(stream.partition));
  if (fields.wrong()) return *fields.wrong();
  return stream;
}

/// Each partition has one stream, in their order, or is missing.
std::optional<Damage> contradiction(const Manifest& manifest) {
  std::size_t stream = 0;
  std::size_t missing = 0;
  for (std::uint32_t partition = 0; partition < manifest.partitions; ++partition) {
    const bool is_there = stream < manifest.streams.size() && manifest.streams[stream].partition == partition;
    const bool is_missing = missing < manifest.missing.size() && manifest.missing[missing] == partition;
    if (is_there == is_missing) {
      return wrong(0, "partition " + std::to_string(partition) + (is_there ? " is missing and there" : " is nowhere"),
                   "a stream for each, in their order, or a number among the missing");
    }
    stream += is_there ? 1 : 0;
    missing += is_missing ? 1 : 0;
  }
  if (stream != manifest.streams.size() || missing != manifest.missing.size()) {
    return wrong(0, "streams or missing partitions beyond the last, or out of order");
  }
  for (const StreamEntry& each : manifest.streams) {
    if (each.fence.index > manifest.highest_index) {
      return wrong(0, "highest_index lies below that of partition " + std::to_string(each.partition));
    }
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t Manifest::records() const {
  std::uint64_t sum = 0;
  for (const StreamEntry& stream : streams) sum += stream.totals.records;
  return sum;
}

std::uint64_t Manifest::bytes() const {
  std::uint64_t sum = 0;
  for (const StreamEntry& stream : streams) sum += stream.totals.bytes;
  return sum;
}

std::string stream_file(std::uint32_t partition) {
  char name[64];
  std::snprintf(name, sizeof name, "partition-%04u.msgpack.zst", partition);
  return name;
}

std::string write_manifest(const Manifest& manifest) {
  Json json = {{"format", kBackupFormat},
               {"software", manifest.software},
               {"backup", manifest.backup},
               {"cluster", manifest.cluster},
               {"epoch", manifest.epoch},
               {"k", manifest.k},
               {"partitions", manifest.partitions},
               {"taken", manifest.taken},
               {"highest_index", manifest.highest_index},
               {"missing_partitions", manifest.missing},
               {"users", nullptr}};
  json["streams"] = Json::array();
  for (const StreamEntry& stream : manifest.streams) json["streams"].push_back(to_json(stream));
  std::string text = json.dump(2);
  text.erase(text.size() - 2);  // The end of line and brace that close it.
  text += ",\n";
  const std::string checksum = hex_of(checksum_of(text));
  return text.append(kTailBegin).append(checksum).append(kTailEnd);
}

Result<Manifest, Damage> read_manifest(std::string_view text) {
  if (text.size() < kTailSize) return wrong(text.size(), "the manifest ends here", "more of it");
  if (text.size() > kManifestSizeMax) return wrong(kManifestSizeMax, "the manifest is larger than one can be");
  const std::string_view head = text.substr(0, text.size() - kTailSize);
  const std::string_view tail = text.substr(head.size());
  const bool has_tail = tail.starts_with(kTailBegin) && tail.ends_with(kTailEnd);
  const auto told = has_tail ? from_hex(tail.substr(kTailBegin.size(), kIdSize)) : std::nullopt;
  if (!told) {
    return wrong(head.size(), "the manifest does not end with its checksum",
                 std::string(kTailBegin) + "16 hex digits\" and a closing brace");
  }
  if (*told != checksum_of(head)) {
    return wrong(head.size(), "the manifest's checksum is " + hex_of(*told),
                 hex_of(checksum_of(head)) + ", for what stands before it");
  }
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return wrong(0, "the manifest is no JSON object");
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  Fields fields(json, "");
  const std::uint64_t format = fields.natural("format", 0, kMost);
  if (!fields.wrong() && format != kBackupFormat) {
    return wrong(0, "format " + std::to_string(format) + ", which this software does not know",
                 "format " + std::to_string(kBackupFormat));
  }
  Manifest manifest;
  manifest.software = fields.text("software");
  manifest.backup = fields.text("backup");
  manifest.cluster = fields.text("cluster");
  manifest.epoch = fields.natural("epoch", 0, kMost);
  manifest.k = static_cast<std::uint32_t>(fields.natural("k", 1, kWorkersMax));
  manifest.partitions = static_cast<std::uint32_t>(fields.natural("partitions", 1, kPartitionsMax));
  manifest.taken = fields.text("taken");
  manifest.highest_index = fields.natural("highest_index", 0, kMost);
  if (!from_hex(manifest.backup)) fields.fail("backup", "16 hex digits");
  const Json& missing = fields.array("missing_partitions");
  const Json& streams = fields.array("streams");
  if (fields.wrong()) return *fields.wrong();
  for (const Json& each : missing) {
    if (!each.is_number_unsigned() || each.get<std::uint64_t>() >= manifest.partitions) {
      return wrong(0, "a missing partition that cannot be", "ints below " + std::to_string(manifest.partitions));
    }
    manifest.missing.push_back(each.get<std::uint32_t>());
  }
  for (std::size_t i = 0; i < streams.size(); ++i) {
    auto stream = read_stream(streams[i], manifest.partitions, i);
    if (!stream) return stream.error();
    manifest.streams.push_back(std::move(*stream));
  }
  if (auto contradicted = contradiction(manifest)) return std::move(*contradicted);
  return manifest;
}

std::uint64_t name_of_restore(const Manifest& manifest) {
  const std::string text = write_manifest(manifest);
  return (checksum_of(text) >> 1) | 1;
}

}  // namespace trellis
