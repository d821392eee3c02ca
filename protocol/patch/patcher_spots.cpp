// Patcher: where paths lead in a draft, and how values are put there and taken away.
#include <algorithm>
#include <utility>

#include "protocol/arguments.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "protocol/patch/patcher.hpp"
#include "protocol/patch/sparse_reader.hpp"
#include "protocol/path.hpp"

namespace trellis {
namespace {

constexpr std::size_t kShownMax = 256;  ///< Bytes of a path.

Error failed(std::string message) { return {Code::kFailedPrecondition, std::move(message)}; }

}  // namespace

/// Follows the path step by step.  What is missing on the way is a map that is made, or the end.
Result<Patcher::Spot> Patcher::locate(const Path& path, bool makes_way) {
  Spot spot;
  spot.path = &path;
  spot.value = draft_.root();
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (spot.value == nullptr) {
      if (!makes_way) {
        spot.in = nullptr;
        spot.ends_at = i;
        return spot;
      }
      if (!std::holds_alternative<std::string_view>(path[i])) {
        return failed("nothing is at " + where(path, i) + ", and a position leads into a list that is there");
      }
      if (auto made = put(spot, Draft::make_container(true)); !made) return made.error();
      // A list's elements and the whole document lie elsewhere than what was asked for.
      spot.value = spot.in != nullptr ? find(*spot.in, *spot.step) : draft_.root();
    }
    Draft::Container* const in = spot.value != nullptr ? draft_.open(*spot.value) : nullptr;
    if (in == nullptr) {
      const std::string_view type = spot.value != nullptr ? describe_type(spot.value->packed) : "nothing";
      return failed(std::string(type) + " is at " + where(path, i) + ", and a path leads into lists and maps");
    }
    if (!in->is_map && !position_in(*in, path[i])) {
      return failed("a list is at " + where(path, i) + ", and its elements are named by positions");
    }
    spot.in = in;
    spot.step = &path[i];
    spot.value = find(*in, path[i]);
  }
  return spot;
}

/// Where something has to be.
Result<Patcher::Spot> Patcher::locate_there(const Path& path) {
  auto spot = locate(path, false);
  if (spot && spot->value == nullptr) return nothing_at(path, spot->ends_at ? *spot->ends_at : path.size());
  return spot;
}

/// Where something has to be if the task is strict.
Result<Patcher::Spot> Patcher::locate_to_change(const Path& path) {
  return task_.strict ? locate_there(path) : locate(path, makes_way());
}

Result<Patcher::Spot> Patcher::locate_to_take(const Path& path) {
  return task_.strict || task_.dialect == Dialect::kPointer ? locate_there(path) : locate(path, false);
}

Draft::Value* Patcher::find(Draft::Container& in, const PathSegment& step) {
  if (in.is_map) return draft_.find(in, name_of_step(step));
  const auto position = position_in(in, step);
  return position ? draft_.find(in, *position) : nullptr;
}

/// The position that a step means in a list; nothing where it means none.
std::optional<std::uint64_t> Patcher::position_in(const Draft::Container& list, const PathSegment& step) const {
  if (const auto* const position = std::get_if<std::uint64_t>(&step)) return *position;
  if (task_.dialect == Dialect::kOwn) return std::nullopt;
  const std::string_view digits = std::get<std::string_view>(step);
  return digits == "-" ? std::optional(list.count) : position_of(digits);
}

/// The key that a step means in a map.
std::string_view Patcher::name_of_step(const PathSegment& step) {
  if (const auto* const name = std::get_if<std::string_view>(&step)) return *name;
  return draft_.keep(std::to_string(std::get<std::uint64_t>(step)));
}

Result<void> Patcher::put(const Spot& spot, Draft::Value value) {
  if (spot.ends_at) return nothing_at(*spot.path, *spot.ends_at);
  if (auto fits = check_depth(spot.path->size(), value); !fits) return fits;
  if (spot.in == nullptr) {
    draft_.set_root(std::move(value));
  } else if (spot.value != nullptr) {
    draft_.assign(*spot.value, std::move(value));
  } else if (spot.in->is_map) {
    draft_.add(*spot.in, name_of_step(*spot.step), std::move(value));
  } else {
    return insert_at(spot, std::move(value));
  }
  return {};
}

/// Into a list: what is at the position and behind it moves up.
Result<void> Patcher::insert_at(const Spot& spot, Draft::Value value) {
  if (auto fits = check_depth(spot.path->size(), value); !fits) return fits;
  const std::uint64_t position = position_in(*spot.in, *spot.step).value_or(UINT64_MAX);
  if (position > spot.in->count) {
    return failed("the position is beyond the end: the list there has " + std::to_string(spot.in->count) + " elements");
  }
  draft_.insert(*spot.in, position, std::move(value));
  return {};
}

/// What is at a spot that is in a list or a map.
Draft::Value Patcher::take(const Spot& spot) {
  auto taken = spot.in->is_map ? draft_.take(*spot.in, name_of_step(*spot.step))
                               : draft_.take(*spot.in, position_in(*spot.in, *spot.step).value_or(UINT64_MAX));
  return taken ? std::move(*taken) : Draft::Value();
}

/// Whether a value has room below so many levels.
Result<void> Patcher::check_depth(std::size_t depth, const Draft::Value& value) {
  const std::size_t room = depth <= kNestingMax ? kNestingMax - depth : 0;
  // A value of so many bytes has no more levels.
  const bool is_small = !value.container && value.packed.size() <= room;
  if (depth > kNestingMax || (!is_small && static_cast<std::size_t>(draft_.depth_of(value)) > room)) {
    return failed("the document would have more than " + std::to_string(kNestingMax) + " levels");
  }
  return {};
}

/// For messages, and not endless.
std::string Patcher::where(const Path& path, std::size_t steps) const {
  std::string text = to_text(task_.key, Path(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(steps)));
  if (text.size() <= kShownMax) return text;
  std::size_t end = kShownMax;
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // Not within a character.
  return text.substr(0, end) + "...";
}

Error Patcher::nothing_at(const Path& path, std::size_t steps) const {
  return failed("nothing is at " + where(path, steps));
}

}  // namespace trellis
