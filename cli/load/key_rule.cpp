#include "cli/load/key_rule.hpp"

#include <charconv>

#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// The first step into a map or list, as one writes it; empty where there is none.
std::string first_inside(std::string_view value) {
  PackedReader reader(value);
  if (const auto pairs = reader.read_map()) {
    const auto name = *pairs > 0 ? reader.read_str() : std::nullopt;
    if (!name) return "";
    return name->find_first_of(".,\"") == std::string_view::npos ? std::string(*name) : print_key(*name);
  }
  const auto elements = PackedReader(value).read_array();
  return elements && *elements > 0 ? "0" : "";
}

/// A position, if these are its digits.
std::optional<std::uint64_t> as_position(std::string_view digits) {
  std::uint64_t position = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), position);
  if (error != std::errc() || end != digits.data() + digits.size() || std::to_string(position) != digits) return {};
  return position;
}

}  // namespace

Result<KeyRule> KeyRule::from_fields(std::string_view text) {
  std::vector<Field> fields(1);
  for (std::size_t at = 0;;) {
    auto step = read_step(text, at);
    if (!step) return step.error();
    fields.back().steps.push_back(std::move(*step));
    if (at == text.size()) break;
    if (text[at] == ',') fields.emplace_back();
    ++at;
  }
  for (Field& field : fields) {
    for (const Step& step : field.steps) field.text += (field.text.empty() ? "" : ".") + print_key(step.name);
  }
  return KeyRule(std::move(fields));
}

Result<KeyRule::Step> KeyRule::read_step(std::string_view text, std::size_t& position) {
  const std::string what = "\"" + std::string(text) + "\" names no fields: ";
  if (position < text.size() && text[position] == '"') {
    auto word = read_key(text, position);
    if (!word) return invalid_argument(what + word.error().reason);
    if (position < text.size() && text[position] != '.' && text[position] != ',') {
      return invalid_argument(what + "a . or , is expected behind a name in quotes");
    }
    return Step{std::move(word->bytes), true};
  }
  const std::size_t end = std::min(text.find_first_of(".,", position), text.size());
  if (end == position)
    return invalid_argument(what + "a name is missing; it would be _id, address.city or country,city");
  Step step{std::string(text.substr(position, end - position)), false};
  position = end;
  return step;
}

std::optional<std::string> KeyRule::append_key(std::string_view document, std::uint64_t position,
                                               std::string& key) const {
  if (fields_.empty()) key += std::to_string(position);
  for (const Field& field : fields_) {
    if (&field != &fields_.front()) key.push_back(':');
    if (auto wrong = append_value(field, document, key)) return wrong;
  }
  return std::nullopt;
}

std::optional<std::string> KeyRule::append_value(const Field& field, std::string_view document, std::string& key) {
  Path path;
  for (const Step& step : field.steps) {
    const auto position = step.is_quoted ? std::nullopt : as_position(step.name);
    position ? path.emplace_back(*position) : path.emplace_back(std::string_view(step.name));
  }
  const auto value = walk(document, path);
  if (!value) return "there is no " + field.text + " in this record, which would be its key";
  const auto token = PackedReader(*value).next();
  switch (token ? token->type : PackedType::kNil) {
    case PackedType::kStr:
    case PackedType::kBin: key += token->bytes; return std::nullopt;
    case PackedType::kInt:
    case PackedType::kUint:
    case PackedType::kFloat32:
    case PackedType::kFloat64:
    case PackedType::kBool: key += print_value(*value); return std::nullopt;
    default: break;
  }
  std::string reason = field.text + " is " + std::string(describe_type(*value)) + " here, which is no key";
  if (const std::string inside = first_inside(*value); !inside.empty()) {
    reason += "; a dot leads inside, as in --key-field '" + field.text + "." + inside + "'";
  }
  return reason;
}

std::vector<std::string> KeyRule::columns() const {
  std::vector<std::string> columns;
  for (const Field& field : fields_) columns.push_back(field.steps.front().name);
  return columns;
}

}  // namespace trellis
