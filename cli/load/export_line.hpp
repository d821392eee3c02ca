// A record as a line of a data file that `load` reads back equal in key, type and value (a float32 as the float64 of
// equal value).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trellis {

enum class ExportFormat : std::uint8_t {
  kJson,   ///< {"key": document}; what JSON does not hold stands on its line as in kArrow.
  kArrow,  ///< key -> document
};

/// Appends the line, with its end.
/// @param document  packed, and one that may be stored
void append_export_line(std::string& out, std::string_view key, std::string_view document, ExportFormat format);

}  // namespace trellis
