#include "protocol/patch/places.hpp"

#include "protocol/packed.hpp"
#include "protocol/path.hpp"

namespace trellis {

Places::Places(const std::vector<PatchOperation>& operations, WalkLimit& walk) {
  for (const PatchOperation& operation : operations) {
    const bool merges = operation.kind == PatchKind::kMerge;
    add(operation.path, merges ? operation.value : std::string_view(), walk);
    if (!operation.from.empty()) add(operation.from, {}, walk);
  }
}

void Places::add(const Path& path, std::string_view merged, WalkLimit& walk) {
  Places* at = this;
  for (const PathSegment& step : path) {
    at = at->make(step, walk);
    if (at == nullptr) return;
  }
  if (!merged.empty()) at->add_merged(merged, walk);
}

/// A merge names the keys of its map, and of the maps in it.  Its depth is a document's.
void Places::add_merged(std::string_view merged, WalkLimit& walk) {
  PackedReader reader(merged);
  const auto pairs = reader.read_map();
  if (!pairs || !walk.spend(merged.size())) return;
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const auto name = reader.read_str();
    const auto value = reader.read_value();
    if (!name || !value) return;
    Places* const at = make(*name, walk);
    if (at == nullptr) return;
    at->add_merged(*value, walk);
  }
}

Places* Places::make(const PathSegment& step, WalkLimit& walk) {
  const auto* const name = std::get_if<std::string_view>(&step);
  const auto position = name != nullptr ? position_of(*name) : std::optional(std::get<std::uint64_t>(step));
  std::unique_ptr<Places>& place = position ? positions_[*position] : names_[*name];
  if (!place) {
    if (!walk.spend(kBytesEach)) return nullptr;
    place = std::make_unique<Places>();
    if (!position) bits_ |= bit_of(*name);
  }
  return place.get();
}

const Places* Places::find(std::string_view key) const {
  if ((bits_ & bit_of(key)) != 0) {
    const auto found = names_.find(key);
    if (found != names_.end()) return found->second.get();
  }
  if (positions_.empty()) return nullptr;
  const auto position = position_of(key);
  return position ? find(*position) : nullptr;
}

const Places* Places::find(std::uint64_t position) const {
  const auto found = positions_.find(position);
  return found != positions_.end() ? found->second.get() : nullptr;
}

std::optional<std::uint64_t> Places::next_position(std::uint64_t from) const {
  const auto found = positions_.lower_bound(from);
  return found != positions_.end() ? std::optional(found->first) : std::nullopt;
}

}  // namespace trellis
