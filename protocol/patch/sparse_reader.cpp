#include "protocol/patch/sparse_reader.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace trellis {

int nesting_of(std::string_view packed_values) {
  PackedReader reader(packed_values);
  // How many values each open container still waits for; those that wait for none are closed.
  std::vector<std::uint64_t> owed;
  std::size_t deepest = 0;
  while (const auto token = reader.next()) {
    while (!owed.empty() && owed.back() == 0) owed.pop_back();
    if (!owed.empty()) --owed.back();
    if (token->type != PackedType::kMap && token->type != PackedType::kArray) continue;
    owed.push_back(token->type == PackedType::kMap ? std::uint64_t{2} * token->count : token->count);
    deepest = std::max(deepest, owed.size());
  }
  return static_cast<int>(deepest);
}

std::optional<Draft::Value> SparseReader::read(const Places* places) {
  const auto head = places != nullptr ? reader_.peek() : std::nullopt;
  if (!head || (head->type != PackedType::kMap && head->type != PackedType::kArray)) {
    const auto packed = reader_.read_value();
    return packed ? std::optional(Draft::make_packed(*packed)) : std::nullopt;
  }
  reader_.next();
  Draft::Value value = Draft::make_container(head->type == PackedType::kMap);
  value.container->count = head->count;
  value.container->looked_for = places;
  const bool whole =
      value.container->is_map ? read_map(*value.container, *places) : read_list(*value.container, *places);
  if (!whole) return std::nullopt;
  return value;
}

bool SparseReader::read_map(Draft::Container& map, const Places& places) {
  std::size_t run_begin = reader_.position();
  std::uint64_t run = 0;
  for (std::uint64_t i = 0; i < map.count; ++i) {
    const std::size_t begin = reader_.position();
    const auto name = reader_.read_str();
    if (!name) return false;
    const Places* const deeper = places.find(*name);
    if (deeper == nullptr) {
      if (!reader_.read_value()) return false;
      ++run;
      continue;
    }
    close_run(map, run_begin, begin, run);
    if (!read_child(map, *name, deeper)) return false;
    run_begin = reader_.position();
    run = 0;
  }
  close_run(map, run_begin, reader_.position(), run);
  return true;
}

bool SparseReader::read_list(Draft::Container& list, const Places& places) {
  for (std::uint64_t i = 0; i < list.count;) {
    const std::uint64_t next = std::min(places.next_position(i).value_or(list.count), list.count);
    const std::size_t begin = reader_.position();
    for (std::uint64_t skipped = i; skipped < next; ++skipped) {
      if (!reader_.read_value()) return false;
    }
    close_run(list, begin, reader_.position(), next - i);
    if (next == list.count) break;
    if (!read_child(list, {}, places.find(next))) return false;
    i = next + 1;
  }
  return true;
}

/// A single child, opened where something is named in it.
bool SparseReader::read_child(Draft::Container& container, std::string_view name, const Places* places) {
  auto value = read(places->empty() ? nullptr : places);
  if (!value) return false;
  container.pieces.push_back({name, std::move(*value)});
  if (container.is_map) container.names[name] = std::prev(container.pieces.end());
  return true;
}

void SparseReader::close_run(Draft::Container& container, std::size_t begin, std::size_t end, std::uint64_t count) {
  if (count == 0) return;
  container.pieces.push_back({{}, Draft::make_packed(bytes_.substr(begin, end - begin)), count, true});
}

}  // namespace trellis
