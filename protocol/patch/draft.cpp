#include "protocol/patch/draft.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/packed.hpp"
#include "protocol/patch/sparse_reader.hpp"

namespace trellis {
namespace {

std::uint64_t head_size(std::uint64_t count) { return count <= 15 ? 1 : count <= UINT16_MAX ? 3 : 5; }

std::uint64_t packed_size(std::string_view name) {
  return name.size() + (name.size() <= 31 ? 1 : name.size() <= UINT8_MAX ? 2 : name.size() <= UINT16_MAX ? 3 : 5);
}

std::uint64_t size_of(const Draft::Value& value) {
  if (!value.container) return value.packed.size();
  const Draft::Container& container = *value.container;
  std::uint64_t size = head_size(container.count);
  for (const Draft::Piece& piece : container.pieces) {
    size += size_of(piece.value) + (container.is_map && !piece.is_run ? packed_size(piece.name) : 0);
  }
  return size;
}

void write_head(const Draft::Container& container, std::string& out) {
  PackedWriter writer(out);
  container.is_map ? writer.map(container.count) : writer.array(container.count);
}

}  // namespace

Draft::Draft(std::optional<std::string_view> document, const Places& places, WalkLimit& walk) : walk_(walk) {
  if (!document) return;
  root_.emplace(make_packed(*document));
  if (!places.empty()) read(*document, &places, *root_);
  size_ = size_of(*root_);
}

/// Leaves `into` as it is where the limit is exceeded.
bool Draft::read(std::string_view bytes, const Places* places, Value& into) {
  if (!walk_.spend(bytes.size())) return false;
  auto read = SparseReader(bytes).read(places);
  if (read) into = std::move(*read);
  return read.has_value();
}

Draft::Container* Draft::open(Value& value) {
  if (value.container) return value.container.get();
  const auto head = PackedReader(value.packed).peek();
  if (!head || (head->type != PackedType::kMap && head->type != PackedType::kArray)) return nullptr;
  static const Places kNowhere;
  const std::uint64_t before = value.packed.size();
  if (!read(value.packed, &kNowhere, value)) return nullptr;
  size_ = size_ - before + size_of(value);
  return value.container.get();
}

Draft::Value* Draft::find(Container& map, std::string_view name) {
  const auto found = map.names.find(name);
  if (found != map.names.end()) return &found->second->value;
  if (map.looked_for != nullptr && map.looked_for->find(name) != nullptr) return nullptr;
  return find_in_runs(map, name);
}

/// A name that no operation named here: something was copied or moved about.
Draft::Value* Draft::find_in_runs(Container& map, std::string_view name) {
  for (auto piece = map.pieces.begin(); piece != map.pieces.end(); ++piece) {
    if (!piece->is_run) continue;
    if (!walk_.spend(piece->value.packed.size())) return nullptr;
    PackedReader reader(piece->value.packed);
    for (std::uint64_t i = 0; i < piece->count; ++i) {
      if (reader.read_str() == name) return &split_out(map, piece, i)->value;
      if (!reader.read_value()) break;
    }
  }
  return nullptr;
}

Draft::Value* Draft::find(Container& list, std::uint64_t position) {
  if (position >= list.count) return nullptr;
  const auto piece = piece_at(list, position);
  return piece == list.pieces.end() ? nullptr : &piece->value;
}

/// The single element at a position that is there; the end where the limit is exceeded.
Draft::Pieces::iterator Draft::piece_at(Container& list, std::uint64_t position) {
  for (auto piece = list.pieces.begin(); piece != list.pieces.end(); ++piece) {
    if (position >= piece->count) {
      position -= piece->count;
      continue;
    }
    if (!piece->is_run) return piece;
    return walk_.spend(piece->value.packed.size()) ? split_out(list, piece, position) : list.pieces.end();
  }
  return list.pieces.end();
}

/// Makes a single child of one that stands in a run; what is before and behind stays two runs.
Draft::Pieces::iterator Draft::split_out(Container& container, Pieces::iterator run, std::uint64_t index) {
  const std::string_view bytes = run->value.packed;
  PackedReader reader(bytes);
  for (std::uint64_t i = 0; i < index; ++i) {
    if (container.is_map) reader.read_str();
    reader.read_value();
  }
  const std::size_t begin = reader.position();
  Piece single;
  if (container.is_map) single.name = reader.read_str().value_or(std::string_view());
  const std::size_t name_size = reader.position() - begin;
  single.value.packed = reader.read_value().value_or(std::string_view());
  if (container.is_map) size_ = size_ - name_size + packed_size(single.name);
  const auto add_run = [&](std::string_view part, std::uint64_t count) {
    if (count > 0) container.pieces.insert(run, Piece{{}, make_packed(part), count, true});
  };
  add_run(bytes.substr(0, begin), index);
  const auto piece = container.pieces.insert(run, std::move(single));
  add_run(bytes.substr(reader.position()), run->count - index - 1);
  container.pieces.erase(run);
  if (container.is_map) container.names[piece->name] = piece;
  return piece;
}

void Draft::set_root(Value value) {
  size_ = size_of(value);
  root_ = std::move(value);
  is_changed_ = true;
}

void Draft::assign(Value& place, Value value) {
  size_ = size_ - size_of(place) + size_of(value);
  place = std::move(value);
  is_changed_ = true;
}

void Draft::on_count(Container& container, std::uint64_t count) {
  size_ = size_ - head_size(container.count) + head_size(count);
  container.count = count;
  is_changed_ = true;
}

void Draft::add(Container& map, std::string_view name, Value value) {
  size_ += packed_size(name) + size_of(value);
  map.names[name] = map.pieces.insert(map.pieces.end(), Piece{name, std::move(value)});
  on_count(map, map.count + 1);
}

void Draft::insert(Container& list, std::uint64_t position, Value value) {
  const auto before = position < list.count ? piece_at(list, position) : list.pieces.end();
  size_ += size_of(value);
  list.pieces.insert(before, Piece{{}, std::move(value)});
  on_count(list, list.count + 1);
}

std::optional<Draft::Value> Draft::take(Container& map, std::string_view name) {
  if (find(map, name) == nullptr) return std::nullopt;
  const auto piece = map.names.at(name);
  map.names.erase(name);
  size_ -= packed_size(piece->name);
  return take(map, piece);
}

std::optional<Draft::Value> Draft::take(Container& list, std::uint64_t position) {
  if (find(list, position) == nullptr) return std::nullopt;
  return take(list, piece_at(list, position));
}

Draft::Value Draft::take(Container& container, Pieces::iterator piece) {
  Value value = std::move(piece->value);
  size_ -= size_of(value);
  container.pieces.erase(piece);
  on_count(container, container.count - 1);
  return value;
}

Draft::Value Draft::make_container(bool is_map) {
  Value value;
  value.container = std::make_unique<Container>();
  value.container->is_map = is_map;
  return value;
}

Draft::Value Draft::copy(const Value& value) {
  if (!value.container || !walk_.spend(value.container->pieces.size() * sizeof(Piece))) {
    return make_packed(value.packed);
  }
  Value made = make_container(value.container->is_map);
  Container& container = *made.container;
  container.count = value.container->count;
  container.looked_for = value.container->looked_for;
  for (const Piece& piece : value.container->pieces) {
    container.pieces.push_back({piece.name, copy(piece.value), piece.count, piece.is_run});
    if (container.is_map && !piece.is_run) container.names[piece.name] = std::prev(container.pieces.end());
  }
  return made;
}

void Draft::append_parts(const Value& value, std::vector<std::string_view>& parts) {
  const auto add = [&parts](std::string_view part) {
    if (part.empty()) return;
    // What follows in the document follows in one part.
    if (!parts.empty() && parts.back().data() + parts.back().size() == part.data()) {
      parts.back() = {parts.back().data(), parts.back().size() + part.size()};
    } else {
      parts.push_back(part);
    }
  };
  if (!value.container) return add(value.packed);
  std::string head;
  write_head(*value.container, head);
  add(keep(std::move(head)));
  for (const Piece& piece : value.container->pieces) {
    if (value.container->is_map && !piece.is_run) {
      std::string name;
      PackedWriter(name).str(piece.name);
      add(keep(std::move(name)));
    }
    append_parts(piece.value, parts);
  }
}

std::string_view Draft::packed(const Value& value) {
  if (!value.container) return value.packed;
  if (!walk_.spend(size_of(value))) return {};
  std::vector<std::string_view> parts;
  append_parts(value, parts);
  std::string whole;
  for (const std::string_view part : parts) whole.append(part);
  return keep(std::move(whole));
}

int Draft::depth_of(const Value& value) {
  if (!value.container) return walk_.spend(value.packed.size()) ? nesting_of(value.packed) : 0;
  int deepest = 0;
  for (const Piece& piece : value.container->pieces) {
    if (!piece.is_run) {
      deepest = std::max(deepest, depth_of(piece.value));
    } else if (walk_.spend(piece.value.packed.size())) {
      deepest = std::max(deepest, nesting_of(piece.value.packed));
    }
  }
  return deepest + 1;
}

std::vector<std::string_view> Draft::parts() {
  std::vector<std::string_view> parts;
  if (root_) append_parts(*root_, parts);
  return parts;
}

}  // namespace trellis
