#include "cli/load/export_line.hpp"

#include "protocol/json.hpp"
#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"

namespace trellis {

void append_export_line(std::string& out, std::string_view key, std::string_view document, ExportFormat format) {
  const auto json = format == ExportFormat::kJson && is_utf8(key) ? to_plain_json(document) : std::nullopt;
  if (json) {
    out.append("{").append(json_string(key)).append(": ").append(*json).append("}\n");
  } else {
    out.append(print_record(key, document)).append("\n");
  }
}

}  // namespace trellis
