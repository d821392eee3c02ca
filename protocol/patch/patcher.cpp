#include "protocol/patch/patcher.hpp"

#include <algorithm>
#include <utility>

#include "protocol/packed.hpp"
#include "protocol/patch/equality.hpp"
#include "protocol/patch/number.hpp"
#include "protocol/patch/without_nils.hpp"
#include "protocol/path.hpp"

namespace trellis {
namespace {

Error failed(std::string message) { return {Code::kFailedPrecondition, std::move(message)}; }

std::string_view describe(const Draft::Value& value) {
  if (value.container) return value.container->is_map ? "a map" : "a list";
  return describe_type(value.packed);
}

Error wrong_type(const Draft::Value& there, std::string_view needed) {
  return failed(std::string(describe(there)) + " is there, not " + std::string(needed));
}

/// Whether two steps lead to one child, whatever they are taken on: of a map, a position means the key in its digits.
bool leads_alike(const PathSegment& a, const PathSegment& b) {
  if (a.index() == b.index()) return a == b;
  const bool a_is_name = std::holds_alternative<std::string_view>(a);
  const auto position = position_of(std::get<std::string_view>(a_is_name ? a : b));
  return position == std::get<std::uint64_t>(a_is_name ? b : a);
}

/// Whether `whole` begins with all steps of `part`.
bool begins_with(const Path& whole, const Path& part) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin(), leads_alike);
}

}  // namespace

Patcher::Patcher(const PatchTask& task)
    : task_(task), places_(task.operations, walk_), draft_(task.document, places_, walk_), result_(results_) {}

Result<void> Patcher::run() {
  result_.array(task_.operations.size());
  for (std::size_t i = 0; i < task_.operations.size(); ++i) {
    const PatchOperation& operation = task_.operations[i];
    auto done = run_one(operation);
    // What a limit cut short may have looked like something else.
    if (walk_.is_exceeded()) {
      done = failed("the operations up to here would walk more than " + std::to_string(kPatchWalkMax >> 20) + " MiB");
    } else if (done && draft_.size() > kDocumentSizeMax) {
      done = failed("the document would have " + std::to_string(draft_.size()) + " bytes, at most " +
                    std::to_string(kDocumentSizeMax) + " are allowed");
    } else if (done && results_.size() > kDocumentSizeMax) {
      done = failed("the results up to here have more than " + std::to_string(kDocumentSizeMax) + " bytes");
    }
    if (!done) {
      return failed(name_of_operation(i, operation.kind) + " at " + where(operation.path, operation.path.size()) +
                    ": " + done.error().message);
    }
  }
  return {};
}

Result<void> Patcher::run_one(const PatchOperation& operation) {
  switch (operation.kind) {
    case PatchKind::kSet: return set(operation);
    case PatchKind::kReplace: return replace(operation);
    case PatchKind::kIncrement: return increment(operation);
    case PatchKind::kAppend: return append(operation);
    case PatchKind::kInsert: return insert(operation);
    case PatchKind::kRemove: return remove(operation);
    case PatchKind::kPop: return pop(operation);
    case PatchKind::kCopy: return copy(operation);
    case PatchKind::kMove: return move(operation);
    case PatchKind::kMerge: return merge(operation);
    case PatchKind::kTest: return test(operation);
    case PatchKind::kAdd: return add(operation);
  }
  return {};
}

Result<void> Patcher::set(const PatchOperation& operation) {
  const auto spot = locate(operation.path, makes_way());
  if (!spot) return spot.error();
  const bool is_new = spot->value == nullptr;
  if (auto done = put(*spot, Draft::make_packed(operation.value)); !done) return done;
  result_.boolean(is_new);
  return {};
}

Result<void> Patcher::replace(const PatchOperation& operation) {
  const auto spot = locate_there(operation.path);
  if (!spot) return spot.error();
  if (auto done = put(*spot, Draft::make_packed(operation.value)); !done) return done;
  result_.boolean(true);
  return {};
}

Result<void> Patcher::increment(const PatchOperation& operation) {
  const auto spot = locate_to_change(operation.path);
  if (!spot) return spot.error();
  PackedToken before;
  before.type = PackedType::kUint;  // What is missing counts as 0.
  if (spot->value != nullptr) {
    const auto token = spot->value->container ? std::nullopt : PackedReader(spot->value->packed).peek();
    if (!token || !is_number(*token)) return wrong_type(*spot->value, "a number");
    before = *token;
  }
  auto sum = packed_sum(before, *PackedReader(operation.value).peek());
  if (!sum) return failed("the sum with the number there would leave 64 bits");
  const std::string_view number = draft_.keep(std::move(*sum));
  if (auto done = put(*spot, Draft::make_packed(number)); !done) return done;
  result_.packed(number);
  return {};
}

Result<void> Patcher::append(const PatchOperation& operation) {
  auto spot = locate_to_change(operation.path);
  if (!spot) return spot.error();
  if (spot->value == nullptr) {
    if (auto made = put(*spot, Draft::make_container(false)); !made) return made;
    spot = locate_there(operation.path);
    if (!spot) return spot.error();
  }
  Draft::Container* const list = draft_.open(*spot->value);
  if (list == nullptr || list->is_map) return wrong_type(*spot->value, "a list");
  Draft::Value value = Draft::make_packed(operation.value);
  if (auto fits = check_depth(operation.path.size() + 1, value); !fits) return fits;
  draft_.insert(*list, list->count, std::move(value));
  result_.natural(list->count);
  return {};
}

Result<void> Patcher::insert(const PatchOperation& operation) {
  const auto spot = locate(operation.path, false);
  if (!spot) return spot.error();
  if (spot->ends_at) return nothing_at(operation.path, *spot->ends_at);
  if (spot->in->is_map) return failed("the position leads into a map, not into a list");
  if (auto done = insert_at(*spot, Draft::make_packed(operation.value)); !done) return done;
  result_.natural(spot->in->count);
  return {};
}

Result<void> Patcher::remove(const PatchOperation& operation) {
  const auto spot = locate_to_take(operation.path);
  if (!spot) return spot.error();
  const bool was_there = spot->value != nullptr;
  if (was_there) take(*spot);
  result_.boolean(was_there);
  return {};
}

Result<void> Patcher::pop(const PatchOperation& operation) {
  const auto spot = locate_to_take(operation.path);
  if (!spot) return spot.error();
  if (spot->value == nullptr) {
    result_.nil();
    return {};
  }
  const std::string_view packed = draft_.packed(*spot->value);
  if (walk_.spend(packed.size())) result_.packed(packed);
  take(*spot);
  return {};
}

Result<void> Patcher::copy(const PatchOperation& operation) {
  const auto source = locate_there(operation.from);
  if (!source) return source.error();
  if (auto done = put_at(operation.path, draft_.copy(*source->value)); !done) return done;
  result_.boolean(true);
  return {};
}

Result<void> Patcher::move(const PatchOperation& operation) {
  const auto source = locate_there(operation.from);
  if (!source) return source.error();
  const bool leads_back = begins_with(operation.path, operation.from);
  if (leads_back && operation.path.size() > operation.from.size()) return failed("a value cannot be moved into itself");
  if (leads_back) {  // It is there already, unless the path leads nowhere: a name is no position in a list.
    if (const auto target = locate_there(operation.path); !target) return target.error();
  } else if (auto done = put_at(operation.path, take(*source)); !done) {
    return done;
  }
  result_.boolean(true);
  return {};
}

Result<void> Patcher::merge(const PatchOperation& operation) {
  const auto spot = locate_to_change(operation.path);
  if (!spot) return spot.error();
  if (spot->value != nullptr) {
    if (auto done = merge_into(*spot->value, operation.value, operation.path.size()); !done) return done;
  } else {
    const bool drops = has_nils_to_drop(operation.value);
    const std::string_view value = drops ? draft_.keep(without_nils(operation.value)) : operation.value;
    if (auto done = put(*spot, Draft::make_packed(value)); !done) return done;
  }
  result_.boolean(true);
  return {};
}

/// RFC 7396, section 2.
Result<void> Patcher::merge_into(Draft::Value& target, std::string_view patch, std::size_t depth) {
  PackedReader reader(patch);
  const auto pairs = reader.read_map();
  if (!pairs) {
    Draft::Value value = Draft::make_packed(patch);
    if (auto fits = check_depth(depth, value); !fits) return fits;
    draft_.assign(target, std::move(value));
    return {};
  }
  Draft::Container* map = draft_.open(target);
  if (map == nullptr || !map->is_map) {
    if (walk_.is_exceeded()) return {};
    draft_.assign(target, Draft::make_container(true));
    map = target.container.get();
  }
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const auto name = reader.read_str();
    const auto value = name ? reader.read_value() : std::nullopt;
    if (!value || walk_.is_exceeded()) return {};
    if (PackedReader(*value).read_nil()) {
      draft_.take(*map, *name);
      continue;
    }
    if (Draft::Value* const child = draft_.find(*map, *name)) {
      if (auto done = merge_into(*child, *value, depth + 1); !done) return done;
      continue;
    }
    Draft::Value made = Draft::make_packed(has_nils_to_drop(*value) ? draft_.keep(without_nils(*value)) : *value);
    if (auto fits = check_depth(depth + 1, made); !fits) return fits;
    draft_.add(*map, *name, std::move(made));
  }
  return {};
}

Result<void> Patcher::test(const PatchOperation& operation) {
  const auto spot = locate_there(operation.path);
  if (!spot) return spot.error();
  if (!are_equal(draft_.packed(*spot->value), operation.value, walk_)) {
    return failed("the value there, " + std::string(describe(*spot->value)) + ", is another one");
  }
  result_.boolean(true);
  return {};
}

Result<void> Patcher::add(const PatchOperation& operation) {
  if (auto done = put_at(operation.path, Draft::make_packed(operation.value)); !done) return done;
  result_.boolean(true);
  return {};
}

/// As `set` does; in RFC 6902's dialect as its `add`.
Result<void> Patcher::put_at(const Path& path, Draft::Value value) {
  const auto spot = locate(path, makes_way());
  if (!spot) return spot.error();
  const bool inserts = task_.dialect == Dialect::kPointer && spot->in != nullptr && !spot->in->is_map;
  return inserts ? insert_at(*spot, std::move(value)) : put(*spot, std::move(value));
}

}  // namespace trellis
