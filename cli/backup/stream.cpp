#include "cli/backup/stream.hpp"

#include <xxhash.h>

#include <algorithm>

#include "protocol/check.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "protocol/document.hpp"
#include "protocol/limits.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::uint32_t kHeaderElements = 7;
constexpr std::uint32_t kRecordElements = 4;
constexpr std::uint32_t kTrailerElements = 2;
constexpr std::size_t kIdSize = 16;
constexpr std::size_t kLookedAtAlways = 1 << 20;

Damage damage(std::uint64_t offset, std::string what, std::string right = {}) {
  return {"", offset, true, std::move(what), std::move(right)};
}

}  // namespace

struct RunningHash::State {
  State() : xxh(XXH3_createState()) {
    CHECK(xxh != nullptr);
    XXH3_64bits_reset(xxh);
  }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  XXH3_state_t* xxh;
};

RunningHash::RunningHash() : state_(std::make_unique<State>()) {}
RunningHash::~RunningHash() = default;
RunningHash::RunningHash(RunningHash&& other) noexcept = default;
RunningHash& RunningHash::operator=(RunningHash&& other) noexcept = default;
void RunningHash::add(std::string_view bytes) { XXH3_64bits_update(state_->xxh, bytes.data(), bytes.size()); }
std::uint64_t RunningHash::value() const { return XXH3_64bits_digest(state_->xxh); }

std::string hex_of(std::uint64_t value) {
  std::string text(kIdSize, '0');
  for (std::size_t i = kIdSize; value != 0; value >>= 4) text[--i] = "0123456789abcdef"[value & 15];
  return text;
}

StreamWriter::StreamWriter(const StreamHeader& header, std::string& out) : out_(out) {
  const std::size_t since = out_.size();
  PackedWriter writer(out_);
  writer.array(kHeaderElements).str(kStreamMark).natural(kBackupFormat).str(header.backup).natural(header.partitions);
  writer.natural(header.partition).natural(header.fence.index).natural(header.fence.term);
  take(since);
}

void StreamWriter::take(std::size_t since) {
  const std::string_view added = std::string_view(out_).substr(since);
  hash_.add(added);
  totals_.bytes += added.size();
}

void StreamWriter::add_packed(std::string_view record) {
  const std::size_t since = out_.size();
  out_.append(record);
  take(since);
  ++totals_.records;
}

void StreamWriter::add(const BackupRecord& record) {
  std::string packed;
  PackedWriter writer(packed);
  writer.array(kRecordElements).key(record.key).packed(record.document).natural(record.version);
  record.ttl_ms ? writer.natural(*record.ttl_ms) : writer.nil();
  add_packed(packed);
}

StreamTotals StreamWriter::finish() {
  totals_.checksum = hash_.value();
  const std::size_t since = out_.size();
  PackedWriter(out_).array(kTrailerElements).natural(totals_.records).natural(totals_.checksum);
  totals_.bytes += out_.size() - since;
  return totals_;
}

StreamParser::StreamParser(OnRecord on_record, std::uint64_t begins_at)
    : on_record_(std::move(on_record)), begins_at_(begins_at) {}

Result<std::size_t, Damage> StreamParser::feed(std::string_view bytes) {
  const std::size_t had = waiting_.size();
  std::string_view rest = bytes;
  if (had > 0) {
    waiting_.append(bytes);
    if (waiting_.size() < look_again_at_) return bytes.size();
    rest = waiting_;
  }
  const std::size_t all = rest.size();
  if (auto wrong = take_values(rest)) return std::move(*wrong);
  // What was waiting was no whole value, so it is never the trailer's end.
  if (is_done_) return all - rest.size() - had;
  std::string kept(rest);
  waiting_ = std::move(kept);
  // A large value is not looked at anew for each few bytes of it; finish() looks at what has come last.
  look_again_at_ = waiting_.size() < kLookedAtAlways ? 0 : waiting_.size() + waiting_.size() / 2;
  return bytes.size();
}

/// Takes all whole values from the front of `rest`, up to the trailer.
std::optional<Damage> StreamParser::take_values(std::string_view& rest) {
  while (!rest.empty() && !is_done_) {
    const std::uint64_t offset = begins_at_ + read_;
    const auto value = PackedReader(rest).read_value();
    if (!value) {
      // What can be no header, record or trailer is not waited for.
      const auto head = PackedReader(rest).peek();
      const bool may_be =
          rest.size() < 5 || (head && head->type == PackedType::kArray && head->count <= kHeaderElements);
      if (!may_be) return damage(offset, "no array begins here", "a record, or the trailer");
      if (rest.size() > kValueSizeMax) return damage(offset, "a record that is too large, or does not end");
      return std::nullopt;
    }
    if (auto wrong = take_value(*value, offset)) return wrong;
    read_ += value->size();
    rest.remove_prefix(value->size());
  }
  return std::nullopt;
}

std::optional<Damage> StreamParser::take_value(std::string_view value, std::uint64_t offset) {
  const auto elements = PackedReader(value).read_array();
  totals_.bytes += value.size();
  if (!header_) return take_header(value, offset);
  if (elements == kTrailerElements) return take_trailer(value, offset);
  if (elements != kRecordElements) {
    return damage(offset, "a value that is neither record nor trailer", "[key, document, version, ttl_ms]");
  }
  hash_.add(value);
  return take_record(value, offset);
}

std::optional<Damage> StreamParser::take_header(std::string_view value, std::uint64_t offset) {
  hash_.add(value);
  PackedReader reader(value);
  const auto elements = reader.read_array();
  const auto mark = elements && *elements >= 2 ? reader.read_str() : std::nullopt;
  const auto format = mark ? reader.read_uint() : std::nullopt;
  if (mark != kStreamMark || !format) return damage(offset, "this is no stream of a backup", "its header");
  if (*format != kBackupFormat) {
    return damage(offset, "format " + std::to_string(*format) + ", which this software does not know",
                  "format " + std::to_string(kBackupFormat));
  }
  StreamHeader header;
  const auto id = elements == kHeaderElements ? reader.read_str() : std::nullopt;
  const auto partitions = id ? reader.read_uint() : std::nullopt;
  const auto partition = partitions ? reader.read_uint() : std::nullopt;
  const auto index = partition ? reader.read_uint() : std::nullopt;
  const auto term = index ? reader.read_uint() : std::nullopt;
  const bool is_good = term && reader.at_end() && id->size() == kIdSize && *partitions >= 1 &&
                       *partitions <= kPartitionsMax && *partition < *partitions;
  if (!is_good)
    return damage(offset, "a header that cannot be read", "[mark, format, backup, partitions, partition, ...]");
  header_ = StreamHeader{std::string(*id),
                         static_cast<std::uint32_t>(*partitions),
                         static_cast<std::uint32_t>(*partition),
                         {*index, *term}};
  return std::nullopt;
}

std::optional<Damage> StreamParser::take_record(std::string_view value, std::uint64_t offset) {
  PackedReader reader(value);
  static_cast<void>(reader.read_array());
  const auto at = [&] { return offset + reader.position(); };
  BackupRecord record;
  const auto key = reader.read_bytes();
  if (!key || key->empty() || key->size() > kKeySizeMax) {
    return damage(offset, "a record without a key", "a str or bin of 1 to 4096 bytes");
  }
  record.key = *key;
  if (partition_of(*key, header_->partitions) != PartitionId{header_->partition}) {
    return damage(offset,
                  "the key " + quoted_excerpt(*key) + " belongs to partition " +
                      std::to_string(partition_of(*key, header_->partitions).value),
                  "a key of partition " + std::to_string(header_->partition));
  }
  if (totals_.records > 0 && *key <= last_key_) {
    return damage(offset, "the key " + quoted_excerpt(*key) + " does not follow the one before it",
                  "a key greater than " + quoted_excerpt(last_key_));
  }
  const std::uint64_t document_at = at();
  const auto document = reader.read_value();
  const auto checked = document ? check_document(*document) : Result<void>(invalid_argument("it is cut off"));
  if (!checked) return damage(document_at, "the document of " + quoted_excerpt(*key) + ": " + checked.error().message);
  record.document = *document;
  const std::uint64_t version_at = at();
  const auto version = reader.read_uint();
  if (!version || *version == 0) return damage(version_at, "a record without a version", "an int from 1");
  record.version = *version;
  const std::uint64_t ttl_at = at();
  if (!reader.read_nil()) {
    record.ttl_ms = reader.read_uint();
    const bool is_good =
        record.ttl_ms && *record.ttl_ms >= 1 && *record.ttl_ms <= static_cast<std::uint64_t>(kTtlMax.count());
    if (!is_good) return damage(ttl_at, "a time that a document cannot have left", "1 to 315360000000 ms, or nil");
  }
  last_key_ = *key;
  ++totals_.records;
  on_record_(record);
  return std::nullopt;
}

std::optional<Damage> StreamParser::take_trailer(std::string_view value, std::uint64_t offset) {
  PackedReader reader(value);
  static_cast<void>(reader.read_array());
  const auto records = reader.read_uint();
  const auto checksum = records ? reader.read_uint() : std::nullopt;
  if (!checksum) return damage(offset, "a trailer that cannot be read", "[records, checksum]");
  if (*records != totals_.records) {
    return damage(offset, "the trailer counts " + std::to_string(*records) + " records",
                  std::to_string(totals_.records) + ", as many as there are");
  }
  totals_.checksum = hash_.value();
  if (*checksum != totals_.checksum) {
    return damage(offset, "the trailer's checksum is " + hex_of(*checksum),
                  hex_of(totals_.checksum) + ", for what stands before it");
  }
  is_done_ = true;
  return std::nullopt;
}

Result<StreamTotals, Damage> StreamParser::finish() {
  std::string_view rest = waiting_;
  if (!is_done_) {
    if (auto wrong = take_values(rest)) return std::move(*wrong);
    if (is_done_ && !rest.empty()) return damage(begins_at_ + read_, "bytes behind the trailer", "the stream's end");
  }
  if (is_done_) return totals_;
  const std::uint64_t end = begins_at_ + read_ + rest.size();
  if (!header_) return damage(end, "the stream ends before its header has", "more bytes");
  return damage(end, "the stream ends here, after " + std::to_string(totals_.records) + " records",
                "more of it, and the trailer");
}

}  // namespace trellis
