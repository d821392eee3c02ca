// Fuzz targets: one file each, one function each, handed any bytes.  What has to hold is CHECKed, so that a violation
// stops the fuzzer as a crash would.  Pure: no state is kept from one input to the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace trellis {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace trellis
