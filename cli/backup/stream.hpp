// Streams: the records of one partition in a backup, as MessagePack values one behind the other.
//
//   stream  = header | record* | trailer
//   header  = ["trellis-backup", format (int = 1), backup (str, 16 hex digits), partitions (int), partition (int),
//              index (int), term (int)]
//   record  = [key (str, or bin where it is no UTF-8), document, version (int), ttl_ms (int, or nil: for good)]
//   trailer = [records (int), checksum (int)]
//
// The records come in byte order of their keys, each once, and all belong to the partition.  The checksum is XXH3-64 of
// all bytes before the trailer.  ttl_ms is what a document had left in the moment of the cut.
//
// Pure: bytes in, bytes out; memory is bounded by the largest record.
// Threading: belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/backup/damage.hpp"
#include "protocol/fence.hpp"
#include "protocol/result.hpp"

namespace trellis {

inline constexpr std::uint64_t kBackupFormat = 1;
inline constexpr std::string_view kStreamMark = "trellis-backup";

/// Where a stream belongs.
struct StreamHeader {
  std::string backup;  ///< 16 hex digits, drawn for each backup.
  std::uint32_t partitions = 0;
  std::uint32_t partition = 0;
  FenceName fence;
  bool operator==(const StreamHeader&) const = default;
};

/// Views hold as long as the bytes that they were read from.
struct BackupRecord {
  std::string_view key;
  std::string_view document;  ///< Packed, and checked.
  std::uint64_t version = 0;
  std::optional<std::uint64_t> ttl_ms;
  bool operator==(const BackupRecord&) const = default;
};

struct StreamTotals {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;     ///< Unpacked, with header and trailer.
  std::uint64_t checksum = 0;  ///< The trailer's.
  bool operator==(const StreamTotals&) const = default;
};

/// XXH3-64 of bytes that come piece by piece.
class RunningHash {
 public:
  RunningHash();
  ~RunningHash();
  RunningHash(RunningHash&& other) noexcept;
  RunningHash& operator=(RunningHash&& other) noexcept;
  void add(std::string_view bytes);
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
/// 16 hex digits, as manifests have it.
std::string hex_of(std::uint64_t value);

/// Makes a stream: appends to a string, which whoever owns it empties as it likes.
class StreamWriter {
 public:
  StreamWriter(const StreamHeader& header, std::string& out);
  /// A record as FENCE_READ gives it, packed already.
  void add_packed(std::string_view record);
  void add(const BackupRecord& record);
  /// Appends the trailer.
  StreamTotals finish();
  std::uint64_t records() const { return totals_.records; }

 private:
  void take(std::size_t since);

  std::string& out_;
  RunningHash hash_;
  StreamTotals totals_;
};

/// Reads a stream as its bytes come, and checks all of it.
class StreamParser {
 public:
  using OnRecord = std::function<void(const BackupRecord&)>;
  /// A value of a stream has at most so many bytes: the largest record.
  static constexpr std::size_t kValueSizeMax = (16 << 20) + 4096 + 64;

  /// @param begins_at  where the stream begins, for offsets
  explicit StreamParser(OnRecord on_record, std::uint64_t begins_at = 0);

  /// Takes the next bytes; returns how many belong to the stream: fewer than all only where it has ended.
  Result<std::size_t, Damage> feed(std::string_view bytes);
  /// Whether the trailer was read.
  bool is_done() const { return is_done_; }
  /// To be called once all bytes were fed.  Damage: the stream is cut off.
  Result<StreamTotals, Damage> finish();

  const std::optional<StreamHeader>& header() const { return header_; }
  const StreamTotals& totals() const { return totals_; }

 private:
  std::optional<Damage> take_values(std::string_view& rest);
  std::optional<Damage> take_value(std::string_view value, std::uint64_t offset);
  std::optional<Damage> take_header(std::string_view value, std::uint64_t offset);
  std::optional<Damage> take_record(std::string_view value, std::uint64_t offset);
  std::optional<Damage> take_trailer(std::string_view value, std::uint64_t offset);

  OnRecord on_record_;
  std::string waiting_;            ///< The beginning of a value that has not come whole.
  std::size_t look_again_at_ = 0;  ///< Once so much of it is there.
  std::optional<StreamHeader> header_;
  std::string last_key_;
  RunningHash hash_;
  StreamTotals totals_;
  std::uint64_t begins_at_ = 0;
  std::uint64_t read_ = 0;  ///< Bytes of whole values.
  bool is_done_ = false;
};

}  // namespace trellis
