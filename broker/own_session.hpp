// BrokerSession: the names that the broker gives to writes that bring none, so that it can send any write again.
//
// The session is drawn at random at each start of a broker; seqs run from 1.  Invariant: every seq below floor() has
// been answered and is not sent any more, so replicas may forget it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "protocol/types.hpp"

namespace trellis {

class BrokerSession {
 public:
  explicit BrokerSession(const RandomSource& random) {
    for (int i = 0; i < 2; ++i) {
      const std::uint64_t bits = random();
      for (int shift = 0; shift < 64; shift += 8) id_.push_back(static_cast<char>(bits >> shift));
    }
  }

  std::string_view id() const { return id_; }  ///< 16 bytes.
  std::uint64_t floor() const { return floor_; }

  std::uint64_t issue() {
    answered_.push_back(false);
    return floor_ + answered_.size() - 1;
  }

  void on_answered(std::uint64_t seq) {
    answered_[seq - floor_] = true;
    while (!answered_.empty() && answered_.front()) {
      answered_.pop_front();
      ++floor_;
    }
  }

 private:
  std::string id_;
  std::uint64_t floor_ = 1;
  std::deque<bool> answered_;  ///< Of floor_ and those after it.
};

}  // namespace trellis
