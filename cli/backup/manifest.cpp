#include "cli/backup/manifest.hpp"

#include <xxhash.h>

#include <cstdio>
#include <optional>

#include "cli/backup/json_fields.hpp"
#include "cli/backup/manifest_users.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

constexpr std::size_t kIdSize = JsonFields::kHexSize;
constexpr std::string_view kTailBegin = "  \"checksum\": \"";
constexpr std::string_view kTailEnd = "\"\n}\n";
constexpr std::size_t kTailSize = kTailBegin.size() + kIdSize + kTailEnd.size();

std::uint64_t checksum_of(std::string_view head) { return XXH3_64bits(head.data(), head.size()); }

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

Damage wrong(std::uint64_t offset, std::string what, std::string right = {}) {
  return {"", offset, false, std::move(what), std::move(right)};
}

Result<StreamEntry, Damage> read_stream(const Json& json, std::uint32_t partitions, std::size_t position) {
  const std::string where = "stream " + std::to_string(position) + ": ";
  if (!json.is_object()) return wrong(0, where + "it is no object");
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  JsonFields fields(json, where);
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

/// Users and roles, where it has them: an earlier software made none, or null.
Result<std::optional<AccessRecords>, Damage> users_of(const Json& manifest) {
  const auto at = manifest.find("users");
  if (at == manifest.end() || at->is_null()) return std::optional<AccessRecords>();
  auto read = read_users(*at);
  if (!read) return wrong(0, "users: " + read.error().message, "users and roles as a cluster can have them");
  return std::optional<AccessRecords>(std::move(*read));
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
               {"users", manifest.users ? to_json(*manifest.users) : Json(nullptr)}};
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
  const auto told = has_tail ? JsonFields::from_hex(tail.substr(kTailBegin.size(), kIdSize)) : std::nullopt;
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
  JsonFields fields(json, "");
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
  if (!JsonFields::from_hex(manifest.backup)) fields.fail("backup", "16 hex digits");
  auto users = users_of(json);
  if (!users) return users.error();
  manifest.users = std::move(*users);
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
