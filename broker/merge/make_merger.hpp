// The table of commands that are merged from several partitions: how each is checked, and which merger does it.
#pragma once

#include <memory>

#include "broker/merge/batch_merger.hpp"
#include "broker/merge/merger.hpp"
#include "broker/options.hpp"
#include "protocol/access/permissions.hpp"
#include "protocol/command.hpp"

namespace trellis {

/// Whether the arguments of a command that is not on one key (or of one that is, as far as routing goes) can be used.
Result<void> check_arguments(const Request& request);

/// The merger of COMPUTE, KEYS, SCAN, COUNT or BATCH, whose items that are not allowed are refused, as listings show
/// what may be seen.  Error: kInvalidArgument.
/// @param frame        the one that `request` was read from; the merger keeps it
/// @param leader_of    see BatchMerger
/// @param permissions  of whoever asks; null: everything is allowed
Result<std::unique_ptr<Merger>> make_merger(const Request& request, const Frame& frame, std::uint32_t partitions,
                                            const BrokerLimits& limits, const LeaderOf& leader_of,
                                            const Permissions* permissions = nullptr);

}  // namespace trellis
