// The simplest thing that PATCH could be: a tree of values, changed as the page says, without slices and sharing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/packed.hpp"
#include "protocol/patch/number.hpp"
#include "protocol/patch/operation.hpp"
#include "protocol/path.hpp"

namespace trellis::testing {

struct Tree {
  enum class Kind { kScalar, kList, kMap };
  Kind kind = Kind::kScalar;
  std::string scalar;                                  ///< Packed.
  std::vector<std::pair<std::string, Tree>> children;  ///< A list's have no names.

  static Tree read(PackedReader& reader) {
    Tree tree;
    if (const auto pairs = reader.read_map()) {
      tree.kind = Kind::kMap;
      for (std::uint32_t i = 0; i < *pairs; ++i) {
        std::string name(*reader.read_str());
        tree.children.emplace_back(std::move(name), read(reader));
      }
    } else if (const auto elements = reader.read_array()) {
      tree.kind = Kind::kList;
      for (std::uint32_t i = 0; i < *elements; ++i) tree.children.emplace_back("", read(reader));
    } else {
      tree.scalar = *reader.read_value();
    }
    return tree;
  }
  static Tree read(std::string_view packed) {
    PackedReader reader(packed);
    return read(reader);
  }
  void write(std::string& out) const {
    if (kind == Kind::kScalar) {
      out += scalar;
      return;
    }
    kind == Kind::kMap ? PackedWriter(out).map(children.size()) : PackedWriter(out).array(children.size());
    for (const auto& [name, child] : children) {
      if (kind == Kind::kMap) PackedWriter(out).str(name);
      child.write(out);
    }
  }
  std::string packed() const {
    std::string out;
    write(out);
    return out;
  }
  bool equals(const Tree& other) const {
    if (kind != other.kind) return false;
    if (kind == Kind::kScalar) {
      const auto a = *PackedReader(scalar).peek();
      const auto b = *PackedReader(other.scalar).peek();
      return is_number(a) && is_number(b) ? are_equal_numbers(a, b) : scalar == other.scalar;
    }
    if (children.size() != other.children.size()) return false;
    for (std::size_t i = 0; i < children.size(); ++i) {
      const Tree* const match = kind == Kind::kList ? &other.children[i].second : other.field(children[i].first);
      if (match == nullptr || !children[i].second.equals(*match)) return false;
    }
    return true;
  }
  const Tree* field(std::string_view name) const {
    for (const auto& [key, child] : children) {
      if (key == name) return &child;
    }
    return nullptr;
  }
};

/// Nothing is at the path, for one of several reasons.
enum class Miss { kNone, kNothing, kWrong };

class PatchModel {
 public:
  PatchModel(std::optional<std::string_view> document, Dialect dialect, bool strict)
      : dialect_(dialect), strict_(strict) {
    if (document) root_ = Tree::read(*document);
  }

  /// The packed result; nothing where the operation fails.
  std::optional<std::string> run(const PatchOperation& operation) {
    std::string result;
    PackedWriter out(result);
    const Path& path = operation.path;
    const bool pointer = dialect_ == Dialect::kPointer;
    const bool makes = !strict_ && !pointer;
    const auto there = find(path);
    // What is moved may stand in the way, or before it in a list.
    if (there.second == Miss::kWrong && operation.kind != PatchKind::kMove) return std::nullopt;
    Tree* const at = there.first;
    switch (operation.kind) {
      case PatchKind::kSet:
        if (!put(path, Tree::read(operation.value), makes)) return std::nullopt;
        out.boolean(at == nullptr);
        return result;
      case PatchKind::kReplace:
        if (at == nullptr) return std::nullopt;
        *at = Tree::read(operation.value);
        return yes();
      case PatchKind::kIncrement: {
        if (at == nullptr && strict_) return std::nullopt;
        if (at != nullptr && at->kind != Tree::Kind::kScalar) return std::nullopt;
        const auto before = *PackedReader(at != nullptr ? at->scalar : std::string_view("\0", 1)).peek();
        if (!is_number(before)) return std::nullopt;
        const auto sum = packed_sum(before, *PackedReader(operation.value).peek());
        if (!sum || !put(path, Tree::read(*sum), makes)) return std::nullopt;
        return *sum;
      }
      case PatchKind::kAppend: {
        if (at == nullptr && (strict_ || !put(path, Tree{Tree::Kind::kList, {}, {}}, makes))) return std::nullopt;
        Tree* const list = find(path).first;
        if (list->kind != Tree::Kind::kList) return std::nullopt;
        list->children.emplace_back("", Tree::read(operation.value));
        out.natural(list->children.size());
        return result;
      }
      case PatchKind::kInsert: {
        Tree* const list = find(parent(path)).first;
        if (list == nullptr || list->kind != Tree::Kind::kList ||
            !insert(*list, path.back(), Tree::read(operation.value)))
          return std::nullopt;
        out.natural(list->children.size());
        return result;
      }
      case PatchKind::kRemove:
        if (at == nullptr && (strict_ || pointer)) return std::nullopt;
        if (at != nullptr) take(path);
        out.boolean(at != nullptr);
        return result;
      case PatchKind::kPop:
        if (at == nullptr && strict_) return std::nullopt;
        if (at == nullptr) return std::string("\xc0");
        at->write(result);
        take(path);
        return result;
      case PatchKind::kCopy:
      case PatchKind::kMove: {
        const auto source = find(operation.from);
        if (source.second != Miss::kNone) return std::nullopt;
        Tree value = *source.first;
        if (operation.kind == PatchKind::kMove) {
          const Path& from = operation.from;
          const auto alike = [](const PathSegment& a, const PathSegment& b) { return name_of(a) == name_of(b); };
          const bool leads_back =
              path.size() >= from.size() && std::equal(from.begin(), from.end(), path.begin(), alike);
          if (leads_back && (path.size() > from.size() || there.second == Miss::kWrong)) return std::nullopt;
          if (leads_back) return yes();
          take(operation.from);
          if (find(path).second == Miss::kWrong) return std::nullopt;
        }
        if (!(pointer ? add(path, std::move(value)) : put(path, std::move(value), makes))) return std::nullopt;
        return yes();
      }
      case PatchKind::kMerge: {
        if (at == nullptr && strict_) return std::nullopt;
        Tree merged = at != nullptr ? *at : Tree{Tree::Kind::kScalar, "\xc0", {}};
        merge(merged, Tree::read(operation.value));
        if (!put(path, std::move(merged), makes)) return std::nullopt;
        return yes();
      }
      case PatchKind::kTest:
        if (at == nullptr || !at->equals(Tree::read(operation.value))) return std::nullopt;
        return yes();
      case PatchKind::kAdd:
        if (!add(path, Tree::read(operation.value))) return std::nullopt;
        return yes();
    }
    return std::nullopt;
  }

  std::optional<std::string> document() const { return root_ ? std::optional(root_->packed()) : std::nullopt; }

 private:
  static std::string yes() { return "\xc3"; }
  static Path parent(const Path& path) { return Path(path.begin(), path.end() - 1); }
  static std::string name_of(const PathSegment& step) {
    const auto* const name = std::get_if<std::string_view>(&step);
    return name != nullptr ? std::string(*name) : std::to_string(std::get<std::uint64_t>(step));
  }
  std::optional<std::uint64_t> position(const Tree& list, const PathSegment& step) const {
    if (const auto* const number = std::get_if<std::uint64_t>(&step)) return *number;
    if (dialect_ == Dialect::kOwn) return std::nullopt;
    const auto name = std::get<std::string_view>(step);
    return name == "-" ? list.children.size() : position_of(name);
  }
  std::pair<Tree*, Miss> find(const Path& path) {
    Tree* at = root_ ? &*root_ : nullptr;
    for (const PathSegment& step : path) {
      if (at == nullptr) return {nullptr, Miss::kNothing};
      if (at->kind == Tree::Kind::kScalar) return {nullptr, Miss::kWrong};
      if (at->kind == Tree::Kind::kMap) {
        at = const_cast<Tree*>(at->field(name_of(step)));
        continue;
      }
      const auto place = position(*at, step);
      if (!place) return {nullptr, Miss::kWrong};
      at = *place < at->children.size() ? &at->children[*place].second : nullptr;
    }
    return {at, at != nullptr ? Miss::kNone : Miss::kNothing};
  }
  bool insert(Tree& list, const PathSegment& step, Tree value) {
    const auto place = position(list, step);
    if (!place || *place > list.children.size()) return false;
    list.children.emplace(list.children.begin() + static_cast<std::ptrdiff_t>(*place), "", std::move(value));
    return true;
  }
  bool put(const Path& path, Tree value, bool makes) {
    if (path.empty()) {
      root_ = std::move(value);
      return true;
    }
    if (Tree* const at = find(path).first) {
      *at = std::move(value);
      return true;
    }
    Tree* above = find(parent(path)).first;
    if (above == nullptr) {
      if (!makes || !std::holds_alternative<std::string_view>(path.back())) return false;
      if (!put(parent(path), Tree{Tree::Kind::kMap, {}, {}}, makes)) return false;
      above = find(parent(path)).first;
    }
    if (above->kind == Tree::Kind::kList) return insert(*above, path.back(), std::move(value));
    above->children.emplace_back(name_of(path.back()), std::move(value));
    return true;
  }
  bool add(const Path& path, Tree value) {
    if (path.empty()) return put(path, std::move(value), false);
    Tree* const above = find(parent(path)).first;
    if (above == nullptr || above->kind == Tree::Kind::kScalar) return false;
    return above->kind == Tree::Kind::kList ? insert(*above, path.back(), std::move(value))
                                            : put(path, std::move(value), false);
  }
  void take(const Path& path) {
    Tree* const above = find(parent(path)).first;
    Tree* const at = find(path).first;
    std::erase_if(above->children, [at](const auto& child) { return &child.second == at; });
  }
  static void merge(Tree& target, const Tree& patch) {
    if (patch.kind != Tree::Kind::kMap) {
      target = patch;
      return;
    }
    if (target.kind != Tree::Kind::kMap) target = Tree{Tree::Kind::kMap, {}, {}};
    for (const auto& [name, value] : patch.children) {
      Tree* at = const_cast<Tree*>(target.field(name));
      if (value.kind == Tree::Kind::kScalar && value.scalar == "\xc0") {
        std::erase_if(target.children, [at](const auto& child) { return &child.second == at; });
        continue;
      }
      if (at == nullptr) at = &target.children.emplace_back(name, Tree{Tree::Kind::kScalar, "\xc0", {}}).second;
      merge(*at, value);
    }
  }

  std::optional<Tree> root_;
  Dialect dialect_;
  bool strict_;
};

}  // namespace trellis::testing
