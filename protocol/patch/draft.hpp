// Draft: a packed document that is being changed.
//
// The document is walked once, along the places that the operations name (protocol/patch/places).  Containers on the
// way are opened, all else stays as it was packed, in slices of the document:
//
//   {"name": .., "visits": 1, "tags": [..], "old": ..}      named: visits, tags.0
//   map  [ run of 1 pair | visits: 1 | tags: list [ 0: .. | run of 9 elements ] | run of 1 pair ]
//
// So the memory of a draft grows with what is named and not with the document, which is copied once, when the pieces
// are put together.
// Views into the document and into the operations stay: both must outlive the draft.
// Invariant: size() is what the pieces would have, packed.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/patch/places.hpp"
#include "protocol/patch/walk_limit.hpp"

namespace trellis {

class Draft {
 public:
  struct Container;
  /// A value: as it was packed, or an opened container.
  struct Value {
    std::string_view packed;
    std::unique_ptr<Container> container;
  };
  struct Piece {
    std::string_view name;    ///< The key of a map's single child.
    Value value;              ///< A run's bytes, in `packed`.
    std::uint64_t count = 1;  ///< How many children a run has.
    bool is_run = false;
  };
  struct Container {
    bool is_map = false;
    std::uint64_t count = 0;  ///< Children.
    std::list<Piece> pieces;
    std::unordered_map<std::string_view, std::list<Piece>::iterator> names;  ///< The names of a map's single children.
    const Places* looked_for = nullptr;  ///< What is named there is a single child, or was not there when opened.
  };

  Draft(std::optional<std::string_view> document, const Places& places, WalkLimit& walk);

  /// Nothing where there is no document.
  Value* root() { return root_ ? &*root_ : nullptr; }
  /// What is in a list or a map; nothing where the value is neither, or the limit is exceeded.
  Container* open(Value& value);
  Value* find(Container& map, std::string_view name);
  Value* find(Container& list, std::uint64_t position);

  // Changes.  Values that are there: whatever find() found holds until its place is taken away or replaced.
  void set_root(Value value);
  void assign(Value& place, Value value);
  void add(Container& map, std::string_view name, Value value);       ///< The name is not there.
  void insert(Container& list, std::uint64_t position, Value value);  ///< Up to the end.
  std::optional<Value> take(Container& map, std::string_view name);
  std::optional<Value> take(Container& list, std::uint64_t position);

  /// An opened one without children.
  static Value make_container(bool is_map);
  static Value make_packed(std::string_view packed) { return {packed, nullptr}; }
  Value copy(const Value& value);
  /// Keeps bytes that stand neither in the document nor in the operations.
  std::string_view keep(std::string bytes) { return owned_.emplace_back(std::move(bytes)); }

  /// As one packed value: where it lies, or kept.
  std::string_view packed(const Value& value);
  /// Arrays and maps inside one another, in it.
  int depth_of(const Value& value);

  std::uint64_t size() const { return size_; }
  bool is_changed() const { return is_changed_; }
  /// The document in pieces that follow each other.  Nothing may be changed afterwards.
  std::vector<std::string_view> parts();

 private:
  using Pieces = std::list<Piece>;
  bool read(std::string_view bytes, const Places* places, Value& into);
  Pieces::iterator piece_at(Container& list, std::uint64_t position);
  Pieces::iterator split_out(Container& container, Pieces::iterator run, std::uint64_t index);
  Value* find_in_runs(Container& map, std::string_view name);
  Value take(Container& container, Pieces::iterator piece);
  void on_count(Container& container, std::uint64_t count);
  void append_parts(const Value& value, std::vector<std::string_view>& parts);

  WalkLimit& walk_;
  std::optional<Value> root_;
  std::uint64_t size_ = 0;
  bool is_changed_ = false;
  std::deque<std::string> owned_;
};

}  // namespace trellis
