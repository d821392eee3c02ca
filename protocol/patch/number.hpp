// Numbers of documents: integers of 64 bits, signed and unsigned together, and floats; added and compared exactly.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/packed.hpp"

namespace trellis {

bool is_number(const PackedToken& token);
/// By value and exactly: 1 is 1.0, -1 is not 2^64-1, 2^53+1 is no float64, and nan is nan.
bool are_equal_numbers(const PackedToken& a, const PackedToken& b);
/// The packed sum: an integer where both are, else a float64.  Nothing where it leaves the integers.
std::optional<std::string> packed_sum(const PackedToken& a, const PackedToken& b);

}  // namespace trellis
