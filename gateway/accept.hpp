// Which of the formats there are a client wants, by its Accept header, and which one it sends, by its Content-Type.
#pragma once

#include <optional>
#include <string_view>

#include "gateway/plan.hpp"

namespace trellis {

/// The format that `accept` (RFC 9110, 12.5.1) ranks highest, JSON among equals and where it is empty.
/// @param lines  whether JSON lines (application/x-ndjson) are on offer: for listings
std::optional<Format> accepted_format(std::string_view accept, bool lines);

/// kJson or kPacked, or nothing for another type.  What is not told is JSON, and so is what curl and simple forms send
/// when nobody told them.
std::optional<Format> body_format(std::string_view content_type);

}  // namespace trellis
