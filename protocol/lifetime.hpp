// How long a document stays, as people write it: 500ms, 60s, 1.5m, 2h, 7d.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trellis {

/// A number, which may have a point, and a unit: ms, s, m, h or d. Milliseconds from 1 to kTtlMax, rounded down;
/// nothing where it is none.
std::optional<std::uint64_t> lifetime_of(std::string_view text);

/// Seconds with up to three digits behind the point: 60, 59.312.
std::string seconds_text(std::uint64_t ms);

}  // namespace trellis
