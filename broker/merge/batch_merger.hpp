// BATCH: items on one key each, split by partition and put together again in the order asked.
//
// The items of one partition travel as one subrequest, with their positions; stale reads as a subrequest of their own.
// Where a partition is only read, its items travel with those of others that one worker leads, and by themselves once
// that came to nothing.
// A bad item gets its own error, and the others are done.  Where a partition has no majority, its writes get
// UNAVAILABLE and its reads are asked once more by themselves, which the freshest replica left may answer.
// The results of reads are bounded in bytes: from the first that goes beyond they get RESOURCE_EXHAUSTED.  They come in
// pieces of some MiB: a subrequest is told what its reply may hold, its worker stops there, and what did not fit is
// asked again while there is room in the whole.  So no BATCH takes a worker's loop, or a link, for longer than a piece
// does. What a write returns (POP) is never dropped.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "broker/merge/merger.hpp"
#include "protocol/command.hpp"

namespace trellis {

/// Who leads a partition, and can be sent to; 0: nobody is known.
using LeaderOf = std::function<WorkerId(PartitionId)>;

class BatchMerger final : public Merger {
 public:
  /// @param frame  the request that the items point into
  /// @param result_bytes_max  of the results of reads
  /// @param leader_of  asked once, by start()
  BatchMerger(Frame frame, std::vector<BatchItem> items, std::uint32_t partitions, std::size_t result_bytes_max,
              LeaderOf leader_of);

  Step start() override;
  Step on_subrequest(std::uint32_t number, LegResult result) override;

 private:
  struct Part {
    std::vector<std::uint32_t> items;  ///< Asked with this subrequest,
    std::vector<std::uint32_t> later;  ///< and behind them, since items on one key keep their order.
    PartitionId partition;
    std::vector<JointPart> joint;  ///< Not empty: whose items they are, in this order.
    bool stale = false;
    bool writes = false;
    WorkerId silenced;
    std::size_t bytes_max = 0;  ///< Room for its reads' results.
  };
  /// Where an item belongs.
  struct Place {
    PartitionId partition;
    bool stale = false;
    std::uint32_t item = 0;
  };
  /// Small, since by the time that results come much else has been in the processor's cache.
  struct Item {
    std::string_view packed;               ///< As it came.
    Frame outcome;                         ///< status, result, info.
    std::uint32_t asked_with = kNotAsked;  ///< The subrequest that it has no word of yet.
    bool is_write = false;
    bool is_set = false;
  };
  static constexpr std::uint32_t kNotAsked = std::numeric_limits<std::uint32_t>::max();

  std::vector<Place> places();
  std::vector<Part> parts_of(const std::vector<Place>& places) const;
  std::vector<Part> joined(std::vector<Part> parts) const;
  static std::vector<Part> come_apart(const Part& part);
  Subrequest subrequest_of(std::uint32_t number);
  void set(std::uint32_t item, Frame packed);
  void set_error(std::uint32_t item, const Error& error);
  Subrequest ask(Part part);
  std::vector<std::uint32_t> read_results(std::uint32_t number, const Part& part, const LegResult& result);
  void put_off(Part part, std::vector<std::uint32_t> items);
  void put_off_joint(const Part& part);
  void ask_what_was_put_off(Step& step);
  Error too_large() const;
  void set_result(std::uint32_t item, const Frame& body, std::string_view packed, bool guaranteed);
  void fail(Part part, const Error& error, Step& step);
  MergedAnswer finish();

  Frame frame_;
  std::vector<BatchItem> asked_;  ///< Until they are sent.
  std::vector<Item> items_;
  std::uint32_t partitions_;
  std::size_t result_bytes_max_;
  LeaderOf leader_of_;
  std::vector<Part> parts_;    ///< By subrequest number; empty once the subrequest has ended.
  std::vector<Part> put_off_;  ///< Reads that did not fit into their subrequests' replies.
  std::size_t result_bytes_ = 0;
  std::size_t bytes_asked_ = 0;  ///< What the replies to the subrequests under way may hold.
  bool is_full_ = false;         ///< A read's result went beyond the bound.
  std::uint32_t awaited_ = 0;
  bool guaranteed_ = true;
};

}  // namespace trellis
