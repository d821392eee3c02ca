#include "gateway/named_arguments.hpp"

#include "protocol/packed.hpp"

namespace trellis {

std::optional<std::string> two_arguments(std::string_view packed_body, std::string_view first_name,
                                         std::string_view second_name) {
  PackedReader reader(packed_body);
  std::string_view first;
  std::string_view second;
  const auto pairs = reader.read_map();
  if (!pairs) return std::nullopt;
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const auto name = reader.read_str();
    const auto value = reader.read_value();
    if (!name || !value || (*name != first_name && *name != second_name)) return std::nullopt;
    (*name == first_name ? first : second) = *value;
  }
  if (first.empty()) return std::nullopt;
  std::string arguments;
  PackedWriter(arguments).array(second.empty() ? 1 : 2).packed(first).packed(second);
  return arguments;
}

}  // namespace trellis
