// Loading: which batches of records are under way, which wait for others, and what became of them.
//
// A pure core: no file, no socket, no clock.  It is handed batches in the order of the file, answers and the time.
//
// Invariant: two batches under way never share a key: the later one waits until the earlier has ended, so the records
// of one key take effect in the order of the file (inside a BATCH the protocol promises it).  A batch keeps its session
// and seq however often it is sent, so a record is stored once.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/load/last_batches.hpp"
#include "cli/load/record_batch.hpp"
#include "protocol/reply.hpp"
#include "protocol/types.hpp"

namespace trellis {

/// What the loader asks of its surroundings.  Neither function may call back into the loader.
class LoadOutput {
 public:
  virtual ~LoadOutput() = default;
  /// Sends a batch as a BATCH; `batch` is its number, and its seq.
  virtual void send(std::uint64_t batch, const std::string& arguments) = 0;
  /// A line for people: FILE:LINE:COLUMN: reason.
  virtual void report(const std::string& line) = 0;
};

class Loader {
 public:
  static constexpr std::size_t kUnderWayMax = 48;         ///< Batches; more only wait in the broker (bench/README.md).
  static constexpr std::size_t kHeldMax = 96;             ///< Batches under way or waiting for one that is.
  static constexpr std::size_t kHeldSizeMax = 128 << 20;  ///< Bytes of those; one more batch may go beyond it.
  static constexpr std::chrono::milliseconds kPauseBeforeResend{200};
  static constexpr std::uint64_t kReportsMax = 20;  ///< Errors that are told; the others are counted.

  /// @param file      named in reports
  /// @param patience  how long a batch is tried before the load gives up
  Loader(std::string file, Duration patience, LoadOutput& output);

  /// Whether add() may be called.
  bool has_room() const { return !failure_ && batches_.size() < kHeldMax && held_size_ < kHeldSizeMax; }
  void add(TimePoint now, RecordBatch batch);
  void on_answer(TimePoint now, std::uint64_t batch, const Reply& reply);
  void on_tick(TimePoint now);
  std::optional<TimePoint> next_due() const;

  /// Nothing is under way, or it has given up.
  bool done() const { return failure_ || batches_.empty(); }
  std::uint64_t loaded() const { return loaded_; }
  std::uint64_t errors() const { return errors_; }
  /// How many of the errors were not told one by one.
  std::uint64_t errors_untold() const { return errors_ - told_; }
  std::uint64_t bytes() const { return bytes_; }  ///< Those of the file whose records have been answered.
  /// Why the load gave up before its end.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  struct Held {
    RecordBatch records;
    std::size_t waits_for = 0;              ///< Earlier batches that share a key and have not ended.
    std::vector<std::uint64_t> holds_back;  ///< Later batches that wait for this one.
    std::optional<TimePoint> first_sent;
    std::optional<TimePoint> again_at;  ///< It was answered, and has to be sent again then.
  };
  /// One item of a BATCH's result.
  struct Item {
    Code status = Code::kInternal;
    std::string_view info;  ///< Packed; lies in the reply.
    std::string message() const;
  };

  void wait_for_earlier(std::uint64_t number, Held& held);
  void send_ready(TimePoint now);
  void send(TimePoint now, std::uint64_t number, Held& held);
  void try_again(TimePoint now, Held& held, const Error& error);
  void finish(std::uint64_t number);
  void count_error(const std::string& line);
  void tell_error(const std::string& line);
  void complain(std::uint64_t line, const std::string& reason);
  void complain_of_all(const RecordBatch& records, const std::string& reason);
  void end(TimePoint now, std::uint64_t batch);
  bool read_items(std::string_view result, std::size_t count);

  std::string file_;
  Duration patience_;
  LoadOutput& output_;
  std::uint64_t next_number_ = 1;
  std::map<std::uint64_t, Held> batches_;
  LastBatches last_with_key_;
  std::deque<std::uint64_t> ready_;
  std::size_t under_way_ = 0;
  std::size_t held_size_ = 0;  ///< Bytes.
  std::uint64_t loaded_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t told_ = 0;  ///< How many of the errors were told one by one.
  std::uint64_t bytes_ = 0;
  std::optional<Error> failure_;
  std::vector<Item> items_;  ///< The items of the answer at hand.
};

}  // namespace trellis
