#include "gateway/patch_body.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include "gateway/answer.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kJsonPatch = "application/json-patch+json";

/// A reference token with ~1 and ~0 in it.  Error: another ~.
std::optional<std::string> unescaped(std::string_view token) {
  std::string step;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      step.push_back(token[i]);
      continue;
    }
    const char escaped = ++i < token.size() ? token[i] : '\0';
    if (escaped != '0' && escaped != '1') return std::nullopt;
    step.push_back(escaped == '0' ? '~' : '/');
  }
  return step;
}

/// The steps of a pointer, as a packed array (RFC 6901, section 3).  Nothing where it is none.
std::optional<std::string> packed_steps(std::string_view pointer) {
  std::vector<std::string> steps;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return std::nullopt;
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    auto step = unescaped(pointer.substr(0, end));
    if (!step) return std::nullopt;
    steps.push_back(std::move(*step));
    pointer.remove_prefix(end);
  }
  std::string packed;
  PackedWriter writer(packed);
  writer.array(steps.size());
  for (const std::string& step : steps) writer.str(step);
  return packed;
}

/// The members of an operation that the RFC knows.
struct Members {
  std::optional<std::string_view> op;
  std::optional<std::string_view> path;
  std::optional<std::string_view> from;
  std::optional<std::string_view> value;  ///< Packed.
};

std::optional<Members> read_members(PackedReader& reader) {
  const auto pairs = reader.read_map();
  if (!pairs) return std::nullopt;
  Members members;
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const auto name = reader.read_str();
    const auto value = name ? reader.read_value() : std::nullopt;
    if (!value) return std::nullopt;
    if (name == "op") members.op = PackedReader(*value).read_str();
    if (name == "path") members.path = PackedReader(*value).read_str();
    if (name == "from") members.from = PackedReader(*value).read_str();
    if (name == "value") members.value = *value;
  }
  return members;
}

/// Appends [name, path, value] or [name, path, from], or says what is missing.
Result<void> append_operation(const Members& members, PackedWriter& out) {
  if (!members.op || !members.path) return invalid_argument("it has no \"op\", or no \"path\", that is a string");
  const auto path = packed_steps(*members.path);
  if (!path) return invalid_argument("its path is no JSON Pointer (RFC 6901)");
  if (members.op == "remove") {
    out.array(2).str("remove").packed(*path);
    return {};
  }
  std::string last;
  if (members.op == "copy" || members.op == "move") {
    const auto from = members.from ? packed_steps(*members.from) : std::nullopt;
    if (!from) return invalid_argument("its \"from\" is no JSON Pointer (RFC 6901)");
    last = *from;
  } else {
    if (!members.value) return invalid_argument("it has no \"value\"");
    last = *members.value;
  }
  out.array(3).str(*members.op).packed(*path).packed(last);
  return {};
}

Result<std::string> json_patch_operations(std::string_view packed_body) {
  PackedReader reader(packed_body);
  const auto count = reader.read_array();
  if (!count) return invalid_argument("a JSON Patch is an array of operations");
  std::string operations;
  PackedWriter writer(operations);
  if (*count == 0) {  // It asks nothing but that the document is there, and so does moving that to its own place.
    writer.array(1).array(3).str("move").array(0).array(0);
    return operations;
  }
  writer.array(*count);
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto members = read_members(reader);
    const auto appended =
        members ? append_operation(*members, writer) : Result<void>(invalid_argument("it is no object"));
    if (!appended) return invalid_argument("operation " + std::to_string(i + 1) + ": " + appended.error().message);
  }
  return operations;
}

}  // namespace

std::optional<PatchBody> patch_body_of(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return std::tolower(c); });
  if (type == kMergePatch) return PatchBody::kMerge;
  if (type == kJsonPatch) return PatchBody::kJsonPatch;
  return std::nullopt;
}

HttpResponse unknown_patch(std::string_view content_type) {
  constexpr std::string_view kKnown =
      "application/merge-patch+json, application/json-patch+json, application/json, application/msgpack";
  HttpResponse response =
      problem(415, Code::kInvalidArgument,
              "Content-Type " + quoted_excerpt(content_type) + " is no patch; there are " + std::string(kKnown));
  response.headers.emplace_back("Accept-Patch", kKnown);
  return response;
}

Result<std::string> operations_of(std::optional<PatchBody> kind, std::string_view packed_body) {
  if (kind == PatchBody::kJsonPatch) return json_patch_operations(packed_body);
  if (kind != PatchBody::kMerge) return std::string(packed_body);
  std::string operations;
  PackedWriter(operations).array(1).array(3).str("merge").array(0).packed(packed_body);
  return operations;
}

}  // namespace trellis
