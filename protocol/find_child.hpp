// One step of walk() (document.hpp), and of FieldIndex where containers are small.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "protocol/document.hpp"

namespace trellis {

/// Where the child begins that `segment` leads to from the value at `place`; nothing where it leads nowhere.
std::optional<std::size_t> find_child(std::string_view document, std::size_t place, const PathSegment& segment);

}  // namespace trellis
