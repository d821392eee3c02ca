// ReplyAssembly: the reply to a BATCH, put together some of it at a time, since copying 64 MiB takes longer than a turn
// of the broker's loop may.
// Threading: none.  Pure.
#pragma once

#include <cstdint>
#include <string>

#include "broker/merge/merger.hpp"
#include "program/fair_queue.hpp"

namespace trellis {

class ReplyAssembly {
 public:
  /// @param id  the client's, of its request
  ReplyAssembly(std::uint64_t id, MergedAnswer answer);

  /// Bytes of the reply, or somewhat more.
  std::size_t size() const { return size_; }
  /// Goes on until the reply is whole, or it has taken `most`.
  JobTurn go_on(Effort most);
  /// The reply, once it is whole.
  Frame take() && { return Frame(std::move(reply_)); }

 private:
  MergedAnswer answer_;
  std::size_t next_ = 0;  ///< The outcome that is added next.
  std::size_t size_;
  std::string reply_;
};

}  // namespace trellis
