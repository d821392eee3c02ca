// Server files: the workers that make up a new cluster.
//
// One worker a line, `address port`; blank lines are skipped, and `#` begins a comment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

/// The workers' addresses, as host:port, in the order of the file: at least one, none twice, at most kWorkersMax.
/// @param text  what the file holds
/// @param name  what it is called in messages
/// Error: kInvalidArgument, `NAME:LINE: what is wrong, and what would be right`.
Result<std::vector<std::string>> read_server_file(std::string_view text, std::string_view name);

}  // namespace trellis
