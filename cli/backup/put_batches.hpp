// Records of a backup on their way into a cluster: which batches are under way, and which have to be sent again.
//
// A pure core: it is handed records, answers and the time, and says what to send.  Keys differ from record to record,
// so batches may take effect in any order, and a record that is sent twice is stored as if once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/backup/stream.hpp"
#include "protocol/reply.hpp"
#include "protocol/types.hpp"

namespace trellis {

class PutBatches {
 public:
  static constexpr std::size_t kRecordsMax = 500;        ///< In one batch.
  static constexpr std::size_t kSizeMax = 256 << 10;     ///< Bytes; one record may go beyond it.
  static constexpr std::size_t kUnderWayMax = 48;        ///< Batches.
  static constexpr std::size_t kHeldSizeMax = 64 << 20;  ///< Bytes of all batches; one more record may go beyond it.
  static constexpr std::chrono::milliseconds kPauseBeforeResend{100};

  /// @param keeps     what is there stays: each record is put where its key is missing
  /// @param patience  how long a batch is tried
  PutBatches(bool keeps, Duration patience) : keeps_(keeps), patience_(patience) {}

  /// Whether the next record may be added, or batches have to end before.
  bool has_room() const { return batches_.size() < kUnderWayMax && held_ < kHeldSizeMax; }
  /// A batch is of one stream alone, so that in a cluster with as many partitions it is for one leader.
  void add(std::size_t stream, const BackupRecord& record);
  /// What is gathered of the stream is a batch, however little it is.
  void close(std::size_t stream);

  struct Ready {
    std::uint64_t number = 0;
    std::string_view arguments;  ///< BATCH's; they stay until it was answered.
  };
  /// Whether next() may have one.
  bool has_ready() const { return waiting_ > 0; }
  /// The next batch that is to be sent now, for the first time or again.
  std::optional<Ready> next(TimePoint now);
  void on_answer(std::uint64_t number, const Reply& reply, TimePoint now);

  /// Whether all that was added of the stream is stored.
  bool is_empty(std::size_t stream) const { return !streams_.contains(stream); }
  std::uint64_t stored() const { return stored_; }
  std::uint64_t kept() const { return kept_; }  ///< They were there, and stayed.
  /// Why it cannot go on.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  /// What there is of one stream.
  struct Gathered {
    std::string items;  ///< Those of its next batch.
    std::size_t count = 0;
    std::size_t batches = 0;  ///< That are not done.
  };
  struct Batch {
    std::size_t stream = 0;
    std::string arguments;
    std::size_t count = 0;
    std::optional<TimePoint> first_sent;
    TimePoint send_at;  ///< Where it is not under way.
    bool is_sent = false;
  };
  void try_again(Batch& batch, const Error& error, TimePoint now);

  bool keeps_;
  Duration patience_;
  std::map<std::size_t, Gathered> streams_;  ///< Those of which something is gathered or under way.
  std::map<std::uint64_t, Batch> batches_;
  std::size_t waiting_ = 0;  ///< Batches that are to be sent, now or later.
  std::uint64_t next_number_ = 1;
  std::size_t held_ = 0;
  std::uint64_t stored_ = 0;
  std::uint64_t kept_ = 0;
  std::optional<Error> failure_;
};

}  // namespace trellis
