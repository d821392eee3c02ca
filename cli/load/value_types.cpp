#include "cli/load/value_types.hpp"

#include "protocol/notation/notation_scanner.hpp"

namespace trellis {
namespace {

bool is_number_as_json_writes_it(std::string_view cell) {
  if (cell.starts_with('-')) cell.remove_prefix(1);
  const auto digit_at = [cell](std::size_t at) { return at < cell.size() && cell[at] >= '0' && cell[at] <= '9'; };
  if (!digit_at(0) || (cell[0] == '0' && digit_at(1))) return false;
  const std::size_t point = cell.find('.');
  return point == std::string_view::npos || digit_at(point + 1);
}

}  // namespace

Result<ValueTypes> ValueTypes::read(std::string_view text) {
  ValueTypes types;
  const std::string hint = "; it would be auto, or age=number,zip=text, or auto,zip=text";
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (item == "auto") {
      types.others_ = ValueType::kAuto;
      continue;
    }
    const std::size_t equals = item.rfind('=');
    const std::string_view type = equals == std::string_view::npos ? "" : item.substr(equals + 1);
    if (type != "number" && type != "text") {
      return invalid_argument("\"" + std::string(item) + "\" names no column and type, which is number or text" + hint);
    }
    types.types_[std::string(item.substr(0, equals))] = type == "number" ? ValueType::kNumber : ValueType::kText;
  }
  return types;
}

ValueType ValueTypes::of(const std::string& column) const {
  const auto found = types_.find(column);
  return found == types_.end() ? others_ : found->second;
}

std::vector<std::string> ValueTypes::columns() const {
  std::vector<std::string> columns;
  for (const auto& [column, type] : types_) columns.push_back(column);
  return columns;
}

bool write_cell(std::string_view cell, ValueType type, PackedWriter writer) {
  if (type == ValueType::kText) return writer.str(cell), true;
  if (cell.empty()) return writer.nil(), true;
  if (type == ValueType::kNumber) return write_number(cell, writer) == NumberRead::kWritten;
  if (is_number_as_json_writes_it(cell) && write_number(cell, writer) == NumberRead::kWritten) return true;
  return writer.str(cell), true;
}

}  // namespace trellis
