// WrongTokens: whoever tries tokens that are none is slowed down, by its address.
//
// The first few cost nothing: a token may have ended a moment ago.  After each further one the address waits, twice as
// long each time up to kWaitMax, and meanwhile none of its tokens is looked at, right or wrong.  An address that has
// been quiet for kForgottenAfter begins anew.  So one address tries some 3,000 a day of the 2^256 that there are; what
// is kept from the cluster is the load.
// Bounded: beyond kAddressesMax addresses the one that was heard longest ago is forgotten.
// Pure; one thread at a time.
#pragma once

#include <chrono>
#include <list>
#include <string>
#include <unordered_map>

#include "protocol/types.hpp"

namespace trellis {

class WrongTokens {
 public:
  static constexpr unsigned kFree = 5;
  static constexpr std::chrono::seconds kWaitMin{1};
  static constexpr std::chrono::seconds kWaitMax{30};
  static constexpr std::chrono::minutes kForgottenAfter{10};
  static constexpr std::size_t kAddressesMax = 10'000;

  /// How long the address has to wait; zero: its token is looked at.
  Duration wait_of(const std::string& address, TimePoint now) const;
  /// A token of it was none.
  void on_wrong(const std::string& address, TimePoint now);
  std::size_t addresses() const { return known_.size(); }

 private:
  struct Known {
    unsigned wrong = 0;
    TimePoint heard;
    TimePoint until;
    std::list<std::string>::iterator place;
  };
  std::unordered_map<std::string, Known> known_;
  std::list<std::string> order_;  ///< Heard longest ago first.
};

}  // namespace trellis
