// Arguments of a command that a body holds under two names: {"expression": ..., "where": ...} -> [expression, where].
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trellis {

/// The packed array [first, second], or [first] where the object has no second.  Nothing where it is no object, lacks
/// the first, or holds something else.
std::optional<std::string> two_arguments(std::string_view packed_body, std::string_view first_name,
                                         std::string_view second_name);

}  // namespace trellis
