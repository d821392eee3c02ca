// JointWork: reads of several partitions that this worker leads, under way (protocol/cluster/joint_reads.hpp).
//
// They are answered whole, or not at all: where one of the partitions is led by another worker, or in a configuration
// that the broker does not know, it asks each of them by itself.  What takes longer than a turn may goes on in later
// ones, as long as the partition that it is at is led in the same term; the broker has others confirm all these terms.
// What would take longer than Partition::kSuspectEffort is left to be asked for by partition: the broker does not wait
// for ever, and would ask for all of it again.
// Loop thread only; free of sockets, files and clocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "program/fair_queue.hpp"
#include "protocol/cluster/joint_reads.hpp"
#include "protocol/command.hpp"
#include "worker/partition.hpp"
#include "worker/work.hpp"

namespace trellis {

class JointWork {
 public:
  /// Error: kInvalidArgument, where the body of the request cannot be read.
  static Result<std::unique_ptr<JointWork>> make(BrokerIndex broker, WorkerRequest request, TimePoint now);

  /// Reads until all is read, it cannot be, or it has taken `most`.
  JobTurn go_on(PartitionHost& host, Effort most);
  /// It is not to be read after all.
  void refuse(Outcome outcome) { outcome_ = outcome; }
  /// The answer, once all is read or it was refused.
  WorkerReply reply() &&;

  BrokerIndex broker() const { return broker_; }
  std::uint32_t client() const { return request_.client; }
  std::size_t bytes() const { return request_.body.size(); }
  Answered answered() const { return {parts_.front().partition, Command::kBatch, {}, false, arrived_, arrived_}; }
  bool is_refused() const { return outcome_ != Outcome::kDone; }
  bool is_expired(TimePoint now) const { return now >= deadline_; }

 private:
  /// So few documents are looked for together that all are in the cache still when they are read.
  static constexpr std::size_t kTogether = 16;
  struct Sought {
    std::size_t part = 0;
    PreparedItem item;
  };

  JointWork(BrokerIndex broker, WorkerRequest request, JointReads reads, TimePoint now);
  bool look_ahead(PartitionHost& host);
  bool begin_next_part(PartitionHost& host);
  const Partition* still_led(PartitionHost& host, std::size_t part);
  Effort answer(const Partition& partition, const PreparedItem& item, const TrieSearch* search);
  void add(std::uint32_t index, const CommandResult& result);

  BrokerIndex broker_;
  WorkerRequest request_;  ///< Its body is what the items point into.
  std::vector<JointPart> parts_;
  IndexedBatchReader items_;
  TimePoint arrived_;
  TimePoint deadline_;
  std::vector<JointTerm> terms_;  ///< Those of the parts that were begun.
  std::uint32_t left_ = 0;        ///< Items of the last of these.
  std::vector<Sought> sought_;
  std::size_t next_ = 0;              ///< The first of them that is not answered.
  std::vector<TrieSearch> searches_;  ///< One for each of them; none where the tries may have changed since.
  Outcome outcome_ = Outcome::kDone;
  std::string body_;                ///< Room for the terms, then the outcomes,
  std::size_t outcomes_begin_ = 0;  ///< the first of which begins here.
  Effort taken_ = 0;
  bool has_no_room_ = false;  ///< Those behind are not looked at.
};

}  // namespace trellis
