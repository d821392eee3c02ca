// What people see of the reports of protocol/reports.hpp: a line a fact, or a table.  Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trellis {

/// Text of a reply, as it is where it is one line of UTF-8 and else with escapes: a terminal shows what was sent.
std::string one_line(std::string_view text);
/// 3 digits or so: 512 B, 1.5 KiB, 2.0 GiB; of nothing: -.
std::string size_text(std::optional<std::uint64_t> bytes);
/// 850 ms, 4.2 s, 95 s, 12 min, 3 h.
std::string duration_text(std::uint64_t milliseconds);

// Each is handed a packed result, and gives nothing where that is not as the protocol says.
std::optional<std::string> members_text(std::string_view result);
std::optional<std::string> location_text(std::string_view result);
std::optional<std::string> status_text(std::string_view result);
std::optional<std::string> moves_text(std::string_view result);
std::optional<std::string> recovery_text(std::string_view result);
std::optional<std::string> plan_text(std::string_view result);

}  // namespace trellis
