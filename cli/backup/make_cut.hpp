// The cut of a backup: tried against a cluster until it is made.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "client/client.hpp"
#include "protocol/fence.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct MadeCut {
  std::map<std::uint32_t, Fence> fences;
  std::vector<std::uint32_t> missing;  ///< Partitions without a leader.
};

struct CutWishes {
  std::uint32_t partitions = 0;
  bool partial = false;  ///< Partitions without a leader are left out.
  std::chrono::milliseconds patience{};
};

/// Error: kUnavailable, with the partitions that have no leader, or what else kept it from being made.
Result<MadeCut> make_cut(Client& client, const CutWishes& wishes, const std::function<bool()>& interrupted);

}  // namespace trellis
