#include "protocol/patch/operation.hpp"

#include <array>
#include <optional>
#include <string>

#include "protocol/lenient.hpp"
#include "protocol/limits.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"
#include "protocol/patch/places.hpp"
#include "protocol/patch/walk_limit.hpp"
#include "protocol/path.hpp"

namespace trellis {
namespace {

/// What stands behind an operation's path.
enum class Operand : std::uint8_t { kNothing, kValue, kNumber, kPath };

struct OperationRow {
  PatchKind kind;
  std::string_view name;
  Operand operand;
  bool is_own;      ///< Known without the option `pointer`.
  bool is_pointer;  ///< Known with it.
};

constexpr std::array kRows = {
    OperationRow{PatchKind::kSet, "set", Operand::kValue, true, false},
    OperationRow{PatchKind::kReplace, "replace", Operand::kValue, true, true},
    OperationRow{PatchKind::kIncrement, "increment", Operand::kNumber, true, false},
    OperationRow{PatchKind::kAppend, "append", Operand::kValue, true, false},
    OperationRow{PatchKind::kInsert, "insert", Operand::kValue, true, false},
    OperationRow{PatchKind::kRemove, "remove", Operand::kNothing, true, true},
    OperationRow{PatchKind::kPop, "pop", Operand::kNothing, true, false},
    OperationRow{PatchKind::kCopy, "copy", Operand::kPath, true, true},
    OperationRow{PatchKind::kMove, "move", Operand::kPath, true, true},
    OperationRow{PatchKind::kMerge, "merge", Operand::kValue, true, false},
    OperationRow{PatchKind::kTest, "test", Operand::kValue, true, true},
    OperationRow{PatchKind::kAdd, "add", Operand::kValue, false, true},
};

constexpr bool each_stands_at_its_place() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].kind != static_cast<PatchKind>(i)) return false;
  }
  return true;
}
static_assert(each_stands_at_its_place());

const OperationRow& row_of(PatchKind kind) { return kRows[static_cast<std::size_t>(kind)]; }

bool is_known(const OperationRow& row, Dialect dialect) {
  return dialect == Dialect::kPointer ? row.is_pointer : row.is_own;
}

std::string known_names(Dialect dialect) {
  std::string names;
  for (const OperationRow& row : kRows) {
    if (is_known(row, dialect)) names.append(names.empty() ? "" : ", ").append(row.name);
  }
  return names;
}

const OperationRow* find_row(std::string_view name, Dialect dialect) {
  for (const OperationRow& row : kRows) {
    if (row.name == name && is_known(row, dialect)) return &row;
  }
  return nullptr;
}

Result<Path> read_path(PackedReader& reader, Dialect dialect) {
  const auto count = reader.read_array();
  if (!count) return invalid_argument("a path must be an array of map keys (str) and positions (int)");
  auto path = read_steps(reader, *count, 1);
  if (!path || dialect == Dialect::kOwn) return path;
  for (const PathSegment& step : *path) {
    if (!std::holds_alternative<std::string_view>(step)) {
      return invalid_argument("with the option pointer each step of a path is a str");
    }
  }
  return path;
}

bool is_number(std::string_view packed) {
  const auto token = PackedReader(packed).peek();
  return token && (token->type == PackedType::kInt || token->type == PackedType::kUint ||
                   token->type == PackedType::kFloat32 || token->type == PackedType::kFloat64);
}

/// What an operation cannot mean, whatever the document.
Result<void> check_path(const PatchOperation& operation) {
  const bool takes_away = operation.kind == PatchKind::kRemove || operation.kind == PatchKind::kPop;
  if (takes_away && operation.path.empty()) {
    return invalid_argument("it takes away a part of a document; DELETE and POP take the whole");
  }
  const bool is_insert = operation.kind == PatchKind::kInsert;
  if (is_insert && (operation.path.empty() || !std::holds_alternative<std::uint64_t>(operation.path.back()))) {
    return invalid_argument("its path must end in a position (int)");
  }
  return {};
}

Result<void> read_operand(PackedReader& reader, const OperationRow& row, Dialect dialect, PatchOperation& operation) {
  if (row.operand == Operand::kNothing) return {};
  if (row.operand == Operand::kPath) {
    auto from = read_path(reader, dialect);
    if (!from) return from.error();
    operation.from = std::move(*from);
    return {};
  }
  const auto value = reader.read_value();
  if (!value) return invalid_argument("its value is cut off");
  operation.value = *value;
  if (row.operand == Operand::kNumber && !is_number(*value)) return invalid_argument("its value must be a number");
  return {};
}

/// Reads one operation; an error's message does not say which it is.
Result<PatchOperation> read_operation(PackedReader& reader, Dialect dialect) {
  const auto elements = reader.read_array();
  if (!elements || *elements < 2) return invalid_argument("it must be an array [name, path, value]");
  const auto name = read_text(reader);
  const OperationRow* const row = name ? find_row(*name, dialect) : nullptr;
  if (row == nullptr) {
    return invalid_argument("unknown name" + (name ? " " + quoted_excerpt(*name) : std::string()) + "; known are " +
                            known_names(dialect));
  }
  const std::uint32_t expected = row->operand == Operand::kNothing ? 2 : 3;
  if (*elements != expected) {
    return invalid_argument(std::string(row->name) + " has " + std::to_string(expected) + " elements, [name, path" +
                            (row->operand == Operand::kNothing ? ""
                             : row->operand == Operand::kPath  ? ", from"
                                                               : ", value") +
                            "]");
  }
  PatchOperation operation;
  operation.kind = row->kind;
  auto path = read_path(reader, dialect);
  if (!path) return path.error();
  operation.path = std::move(*path);
  if (auto operand = read_operand(reader, *row, dialect, operation); !operand) return operand.error();
  if (auto checked = check_path(operation); !checked) return checked.error();
  return operation;
}

}  // namespace

std::string_view name_of(PatchKind kind) { return row_of(kind).name; }

std::string name_of_operation(std::size_t index, PatchKind kind) {
  return "operation " + std::to_string(index + 1) + " (" + std::string(name_of(kind)) + ")";
}

Result<std::vector<PatchOperation>> read_operations(std::string_view packed, Dialect dialect) {
  PackedReader reader(packed);
  const auto count = reader.read_array();
  if (!count) return invalid_argument("operations must be an array of [name, path, value]");
  if (*count == 0 || *count > kPatchOperationsMax) {
    return invalid_argument("a PATCH has 1 to " + std::to_string(kPatchOperationsMax) + " operations, this one has " +
                            std::to_string(*count));
  }
  std::vector<PatchOperation> operations;
  operations.reserve(*count);
  for (std::uint32_t i = 0; i < *count; ++i) {
    auto operation = read_operation(reader, dialect);
    if (!operation) return invalid_argument("operation " + std::to_string(i + 1) + ": " + operation.error().message);
    operations.push_back(std::move(*operation));
  }
  return operations;
}

Result<void> check_operations(const std::vector<PatchOperation>& operations) {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const PatchOperation& operation = operations[i];
    if (operation.value.empty()) continue;
    if (auto checked = check_document(operation.value); !checked) {
      return invalid_argument(name_of_operation(i, operation.kind) + ": " + checked.error().message);
    }
  }
  WalkLimit walk;
  const Places places(operations, walk);
  if (walk.is_exceeded()) {
    return invalid_argument("a PATCH of so many paths and values would walk more than " +
                            std::to_string(kPatchWalkMax >> 20) + " MiB");
  }
  return {};
}

}  // namespace trellis
