#include "protocol/patch/without_nils.hpp"

#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// A nil in a list is an element like any other; so lists are passed over whole.
void append_without_nils(PackedReader& reader, std::string& out) {
  const auto pairs = reader.read_map();
  if (!pairs) {
    out.append(reader.read_value().value_or(std::string_view()));
    return;
  }
  std::string kept;
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const auto name = reader.read_str();
    if (!name) break;
    if (reader.read_nil()) continue;
    PackedWriter(kept).str(*name);
    append_without_nils(reader, kept);
    ++count;
  }
  PackedWriter(out).map(count).packed(kept);
}

bool find_nil(PackedReader& reader) {
  const auto pairs = reader.read_map();
  if (!pairs) {
    reader.read_value();
    return false;
  }
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    if (!reader.read_str()) return false;
    if (reader.read_nil() || find_nil(reader)) return true;
  }
  return false;
}

}  // namespace

bool has_nils_to_drop(std::string_view packed) {
  PackedReader reader(packed);
  return find_nil(reader);
}

std::string without_nils(std::string_view packed) {
  PackedReader reader(packed);
  std::string out;
  append_without_nils(reader, out);
  return out;
}

}  // namespace trellis
