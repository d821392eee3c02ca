// Paths as they stand in requests: steps from the front of a document into it.
#pragma once

#include <cstdint>

#include "protocol/document.hpp"
#include "protocol/packed.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// Reads `count` steps, each a str or a position.  A path of more steps than documents have levels leads nowhere: one
/// more than that is kept, to say so.
/// @param first  the number of the first step, for messages
/// Error: kInvalidArgument.
Result<Path> read_steps(PackedReader& reader, std::uint32_t count, std::uint32_t first);

/// The position that a str writes in digits, as the int that stands for it would be written: no sign, no zero in front.
std::optional<std::uint64_t> position_of(std::string_view digits);

}  // namespace trellis
