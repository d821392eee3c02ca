// How an operation of a history is asked for, and what an answer says of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/command.hpp"
#include "protocol/reply.hpp"
#include "sim/checker/history.hpp"

namespace trellis::sim {

/// The arguments of its command, packed.
std::string pack_arguments(const Operation& operation);
/// The arguments of a BATCH of these, packed.
std::string pack_batch(const std::vector<Operation>& items);
/// Its options, but for floor and timeout; views point into the operation.
Options options_of(const Operation& operation);

/// Writes down what a client was told.
void take_result(Operation& operation, Code status, std::string_view result, const ReplyInfo& info);

}  // namespace trellis::sim
