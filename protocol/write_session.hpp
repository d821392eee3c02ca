// WriteSession: the names under which a process sends its writes, so that it can send any of them again.
//
// Brokers name so the writes that bring no session, and the client library those of its callers.  The session is drawn
// at random at each start of a process; seqs run from 1.  Invariant: every seq below floor() is done with, so it is not
// sent any more, and replicas that are told so take a copy that comes late for what it is.
// Threading: belongs to one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "protocol/types.hpp"

namespace trellis {

class WriteSession {
 public:
  explicit WriteSession(const RandomSource& random) {
    for (int i = 0; i < 2; ++i) {
      const std::uint64_t bits = random();
      for (int shift = 0; shift < 64; shift += 8) id_.push_back(static_cast<char>(bits >> shift));
    }
  }

  std::string_view id() const { return id_; }  ///< 16 bytes.
  /// The lowest seq that may still be sent again; the next one, where none may.
  std::uint64_t floor() const { return floor_; }

  std::uint64_t issue() {
    is_done_.push_back(false);
    return floor_ + is_done_.size() - 1;
  }

  /// The write was answered, or given up.  Called once for each that was issued.
  void on_done(std::uint64_t seq) {
    is_done_[seq - floor_] = true;
    while (!is_done_.empty() && is_done_.front()) {
      is_done_.pop_front();
      ++floor_;
    }
  }

 private:
  std::string id_;
  std::uint64_t floor_ = 1;
  std::deque<bool> is_done_;  ///< Whether floor_ is done, and each seq after it.
};

}  // namespace trellis
