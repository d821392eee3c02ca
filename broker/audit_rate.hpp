// AuditRate: how many refusals of one user an audit file takes.
//
// Whoever asks again and again for what it may not would fill the disk.  So of each user no more than kPerUserMax are
// written in a window, and then how many were left out; no user takes room from another.
// Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/types.hpp"

namespace trellis {

class AuditRate {
 public:
  static constexpr std::size_t kPerUserMax = 100;
  static constexpr std::chrono::seconds kWindow{10};

  struct LeftOut {
    std::string user;
    std::uint64_t count = 0;
  };
  /// What was left out in a window that is over by now; told once.
  std::vector<LeftOut> take_left_out(TimePoint now);
  /// Whether this one is written.  After take_left_out().
  bool on_refusal(std::string_view user, TimePoint now);

 private:
  std::map<std::string, std::uint64_t, std::less<>> refusals_;  ///< In the present window, by user.
  TimePoint ends_;                                              ///< The window, where there are any.
};

}  // namespace trellis
