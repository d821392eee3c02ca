// BATCH: items on one key each, split by partition and put together again in the order asked.
//
// The items of one partition travel as one leg, with their positions; stale reads as a leg of their own.  A bad item
// gets its own error, and the others are done.  Where a partition has no majority, its writes get UNAVAILABLE and its
// reads are asked once more by themselves, which the freshest replica left may answer.
// The results of reads are bounded in bytes: those beyond get RESOURCE_EXHAUSTED.  Each leg gets its share of the
// bound, where its worker stops; what did not fit into a share is asked again, a leg at a time, while there is room in
// the whole.  What a write returns (POP) is never dropped.
#pragma once

#include <string>
#include <vector>

#include "broker/merge/merger.hpp"
#include "protocol/command.hpp"

namespace trellis {

class BatchMerger final : public Merger {
 public:
  /// @param frame  the request that the items point into
  /// @param result_bytes_max  of the results of reads
  BatchMerger(Frame frame, std::vector<BatchItem> items, std::uint32_t partitions, std::size_t result_bytes_max);

  Step start() override;
  Step on_leg(std::uint32_t number, LegResult result) override;

 private:
  struct Part {
    std::vector<std::uint32_t> items;
    PartitionId partition;
    bool stale = false;
    bool writes = false;
    std::size_t bytes_max = 0;  ///< Room for its reads' results.
  };
  struct Outcome {
    Frame owner;
    std::string_view packed;  ///< status, result, info.
    bool is_set = false;
  };

  Leg leg_of(std::uint32_t number);
  void set(std::uint32_t item, Frame packed);
  void set_error(std::uint32_t item, const Error& error);
  Leg ask(Part part);
  void read_results(const Part& part, const LegResult& result);
  void put_off(const Part& part, std::vector<std::uint32_t> items);
  bool is_put_off(std::uint32_t item) const;
  void ask_what_was_put_off(Step& step);
  Error too_large() const;
  void set_result(std::uint32_t item, const Frame& body, std::string_view packed, bool guaranteed);
  void fail(std::uint32_t number, const Error& error, Step& step);
  MergedAnswer finish();

  Frame frame_;
  std::vector<BatchItem> items_;
  std::uint32_t partitions_;
  std::size_t result_bytes_max_;
  std::vector<Part> parts_;    ///< By leg number.
  std::vector<Part> put_off_;  ///< Reads that did not fit into their legs' shares.
  std::vector<Outcome> outcomes_;
  std::size_t result_bytes_ = 0;
  std::uint32_t awaited_ = 0;
  bool guaranteed_ = true;
};

}  // namespace trellis
