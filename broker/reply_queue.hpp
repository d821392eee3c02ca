// ReplyQueue: what waits for one client that does not read as fast as it asks.
//
// Invariant: at most kRepliesWaitingMax replies and kRepliesWaitingSizeMax bytes wait, counting what was lent to ZeroMQ
// and is not sent; what comes beyond is dropped and counted.  Pure: no socket, no clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>

#include "protocol/cluster/bundle.hpp"
#include "protocol/limits.hpp"

namespace trellis {

class ReplyQueue {
 public:
  struct Limits {
    std::size_t replies = kRepliesWaitingMax;
    std::size_t bytes = kRepliesWaitingSizeMax;
  };
  ReplyQueue() : ReplyQueue(Limits()) {}
  explicit ReplyQueue(Limits limits) : limits_(limits) {}

  struct Waiting {
    Frames envelope;
    Frame reply;
  };

  /// False: dropped.
  bool push(const Frames& envelope, const Frame& reply) {
    if (waiting_.size() >= limits_.replies || size() + reply.size() > limits_.bytes) {
      ++dropped_;
      return false;
    }
    bytes_ += reply.size();
    // A small reply is a slice of a worker's whole bundle, which is not to wait with it.
    const bool is_slice_of_more = reply.size() < BundleWriter::kInlineMax;
    waiting_.push_back({envelope, is_slice_of_more ? Frame(std::string(reply.bytes())) : reply});
    return true;
  }
  bool empty() const { return waiting_.empty(); }
  const Waiting& front() const { return waiting_.front(); }
  void pop() {
    bytes_ -= waiting_.front().reply.size();
    waiting_.pop_front();
  }

  /// Whether a reply of this size may be handed to ZeroMQ now.
  bool may_lend(std::size_t size) const { return *lent_ == 0 || *lent_ + size <= limits_.bytes; }
  /// Bytes lent to ZeroMQ, given back from its threads.
  const std::shared_ptr<std::atomic<std::size_t>>& lent() const { return lent_; }

  std::size_t size() const { return bytes_ + *lent_; }  ///< Bytes.
  std::uint64_t dropped() const { return dropped_; }
  bool idle() const { return waiting_.empty() && *lent_ == 0; }

 private:
  Limits limits_;
  std::deque<Waiting> waiting_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::shared_ptr<std::atomic<std::size_t>> lent_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace trellis
