// Changes in place, as people type them: INCREMENT, APPEND, MERGE and PATCH, and a path where a key alone would stand.
#include <array>
#include <utility>

#include "client/statement/statement_line.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::string_view kOne = "\x01";  ///< Packed.

/// What commands that take a key mean by a path.
struct AtPath {
  Command command;
  PatchKind change;
};
constexpr std::array kAtPaths = {
    AtPath{Command::kPut, PatchKind::kSet},
    AtPath{Command::kSet, PatchKind::kSet},
    AtPath{Command::kDelete, PatchKind::kRemove},
    AtPath{Command::kPop, PatchKind::kPop},
};

std::optional<PatchKind> change_of(const Form& form) {
  if (form.change) return form.change;
  for (const AtPath& row : kAtPaths) {
    if (row.command == form.command) return row.change;
  }
  return std::nullopt;
}

Statement request(const Form& form, Command command) {
  Statement statement;
  statement.kind = form.kind;
  statement.command = command;
  return statement;
}

bool is_number(std::string_view packed) {
  const auto token = PackedReader(packed).peek();
  return token && (token->type == PackedType::kInt || token->type == PackedType::kUint ||
                   token->type == PackedType::kFloat32 || token->type == PackedType::kFloat64);
}

}  // namespace

bool takes_path_too(const Form& form) { return form.command == Command::kHas || change_of(form).has_value(); }

Result<Statement> change_statement(const Form& form, const TypedPath& path, std::string_view value) {
  const auto change = change_of(form);
  if (!change) {  // HAS
    Statement statement = request(form, Command::kQuery);
    PackedWriter(statement.arguments).array(1).packed(path.packed);
    statement.text = path.text;
    statement.asks_presence = true;
    return statement;
  }
  if (change == PatchKind::kIncrement && !is_number(value)) {
    return invalid_argument("BY takes a number: INCREMENT person2.visits BY 5");
  }
  Statement statement = request(form, Command::kPatch);
  statement.change = change;
  statement.text = path.text;
  PackedReader reader(path.packed);
  reader.read_array();
  const std::string_view key = reader.read_value().value_or(std::string_view());
  const std::string_view steps = std::string_view(path.packed).substr(reader.position());
  PackedWriter writer(statement.arguments);
  writer.array(2).packed(key).array(1).array(value.empty() ? 2 : 3).str(name_of(*change));
  writer.array(path.steps).packed(steps).packed(value);
  return statement;
}

Result<Statement> patch_statement(const Form& form, std::string key, std::string_view operations) {
  if (auto checked = check_key(key); !checked) return checked.error();
  if (const auto read = read_operations(operations, Dialect::kOwn); !read) return read.error();
  Statement statement = request(form, Command::kPatch);
  PackedWriter(statement.arguments).array(2).key(key).packed(operations);
  statement.text = print_key(key);
  statement.subject = std::move(key);
  return statement;
}

Result<Statement> parse_change(const Form& form, Line& line) {
  if (line.ends() || line.rest().starts_with("--")) return invalid_argument("expected more: " + usage_of(form));
  if (!form.change) {
    auto key = line.key(Behind::kValue);
    if (!key) return key.error();
    const auto operations = line.value_behind(usage_of(form));
    return operations ? patch_statement(form, std::move(*key), *operations) : operations.error();
  }
  const bool takes_value = form.change != PatchKind::kIncrement;
  const auto path = line.path(Names::kShell, takes_value ? Behind::kValue : Behind::kNothing);
  if (!path) return path.error();
  if (!takes_value && !line.accept_keyword("BY")) return change_statement(form, *path, kOne);
  const auto value = line.value_behind(usage_of(form));
  return value ? change_statement(form, *path, *value) : value.error();
}

}  // namespace trellis
