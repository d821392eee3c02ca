// A hash of a packed value: of what it says, whatever way it was packed.
//
// Packers differ in the order of a map's pairs and in the width of integers and lengths, some from one call to the
// next.  All these packings of one value have one hash.  Types stay apart: 1 is not 1.0, a str no bin, and a float32 no
// float64, as documents keep them apart.
//
// The bytes are hashed in one form, in which each head is as short as can be, and a map is the number of its pairs and
// the sum of their hashes, which knows no order.  What has that form already is hashed where it lies, and most does:
// the cost is that of walking over the heads (bench/value_hash.cpp), and memory for what has to be written anew.
// The same on every machine and in every version: it is remembered in the replicated state (worker/state/entry.hpp).
#pragma once

#include <cstdint>
#include <string_view>

namespace trellis {

/// XXH3-64 of that form.  Bytes that are no packed value (or nested deeper than documents are) are hashed as they are.
std::uint64_t hash_of_value(std::string_view packed, std::uint64_t seed);

}  // namespace trellis
