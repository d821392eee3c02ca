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
  static constexpr std::size_t kUnderWayMax = 32;        ///< Batches.
  static constexpr std::size_t kHeldSizeMax = 64 << 20;  ///< Bytes of all batches; one more record may go beyond it.
  static constexpr std::chrono::milliseconds kPauseBeforeResend{100};

  /// @param keeps     what is there stays: each record is put where its key is missing
  /// @param patience  how long a batch is tried
  PutBatches(bool keeps, Duration patience) : keeps_(keeps), patience_(patience) {}

  /// Whether the next record may be added, or batches have to end before.
  bool has_room() const { return batches_.size() < kUnderWayMax && held_ < kHeldSizeMax; }
  void add(const BackupRecord& record);
  /// What is gathered is a batch, however little it is.
  void close();

  struct Ready {
    std::uint64_t number = 0;
    std::string arguments;  ///< BATCH's.
  };
  /// The next batch that is to be sent now, for the first time or again.
  std::optional<Ready> next(TimePoint now);
  void on_answer(std::uint64_t number, const Reply& reply, TimePoint now);

  bool is_empty() const { return batches_.empty() && count_ == 0; }
  std::uint64_t stored() const { return stored_; }
  std::uint64_t kept() const { return kept_; }  ///< They were there, and stayed.
  /// Why it cannot go on.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  struct Batch {
    std::string arguments;
    std::size_t count = 0;
    std::optional<TimePoint> first_sent;
    TimePoint send_at;  ///< Where it is not under way.
    bool is_sent = false;
  };
  void try_again(Batch& batch, const Error& error, TimePoint now);

  bool keeps_;
  Duration patience_;
  std::string items_;  ///< Those of the batch that is being gathered.
  std::size_t count_ = 0;
  std::map<std::uint64_t, Batch> batches_;
  std::uint64_t next_number_ = 1;
  std::size_t held_ = 0;
  std::uint64_t stored_ = 0;
  std::uint64_t kept_ = 0;
  std::optional<Error> failure_;
};

}  // namespace trellis
