#include "gateway/openapi.hpp"

#include <map>

#include "gateway/answer.hpp"
#include "gateway/routes.hpp"
#include "protocol/json.hpp"
#include "protocol/spelling.hpp"

namespace trellis {
namespace {

std::string quoted(std::string_view text) { return json_string(text); }

/// Members of a JSON object or elements of an array, with commas between them.
class List {
 public:
  void add(const std::string& item) { text_ += (text_.empty() ? "" : ",\n") + item; }
  void member(std::string_view name, const std::string& value) { add(quoted(name) + ": " + value); }
  std::string object() const { return "{" + text_ + "}"; }
  std::string array() const { return "[" + text_ + "]"; }

 private:
  std::string text_;
};

std::string operation_id(const Route& route) {
  switch (route.service) {
    case Service::kCluster:
      if (route.command != Command::kPatch || route.method == Method::kPatch) return lower(name_of(route.command));
      return lower(name_of(route.method)) + "_part";
    case Service::kPartitions: return "partitions";
    case Service::kConsole: return "console";
    case Service::kRecent: return "recent";
    case Service::kLive: return "livez";
    case Service::kReady: return "readyz";
    case Service::kMetrics: return "metrics";
    case Service::kOpenApi: return "openapi";
    case Service::kPage: return "page";
  }
  return "";
}

std::string parameter(std::string_view name, std::string_view in, std::string_view schema,
                      std::string_view description) {
  List list;
  list.member("name", quoted(name));
  list.member("in", quoted(in));
  if (in == "path") list.member("required", "true");
  list.member("description", quoted(description));
  list.member("schema", std::string(schema));
  return list.object();
}

std::string parameters(const Route& route) {
  constexpr std::string_view kText = R"({"type": "string"})";
  List list;
  if (route.pattern.find("{key}") != std::string_view::npos) {
    list.add(parameter("key", "path", R"({"type": "string", "minLength": 1})",
                       "1 to 4096 bytes, any; percent-encoded, also its slashes"));
  }
  if (route.pattern.find("{path}") != std::string_view::npos) {
    list.add(parameter("path", "path", kText,
                       "Segments separated by slashes, each percent-encoded; digits are a position in a list, or the "
                       "key with those digits"));
  }
  for (const Parameter& row : parameters_of(route)) list.add(parameter(row.name, "query", row.schema, row.description));
  if (is_conditional(route)) {
    list.add(parameter("If-Match", "header", kText,
                       "Only if the document has one of these versions (its ETag), or * any; else 412"));
    list.add(parameter("If-None-Match", "header", kText,
                       is_write(route.command)
                           ? "*: only if the key is not there; tags: only if it has none of these versions; else 412"
                           : "304 if the document has one of these versions"));
  }
  if (is_exactly_once(route)) {
    list.add(parameter("Idempotency-Key", "header", R"({"type": "string", "maxLength": 59})",
                       "However often a write is sent with the same key, it takes effect once, and the answer is the "
                       "first one's"));
  }
  if (takes_lifetime(route)) {
    list.add(parameter("Trellis-TTL", "header", R"({"type": "number", "exclusiveMinimum": 0, "maximum": 315360000})",
                       "The document goes after so many seconds; PUT without it stores for good, PATCH keeps what was "
                       "set"));
  }
  return list.array();
}

std::string content(std::string_view type, std::string_view schema) {
  return "{" + quoted(type) + ": {\"schema\": " + std::string(schema) + "}}";
}

std::string both_formats(std::string_view schema) {
  return "{\"application/json\": {\"schema\": " + std::string(schema) +
         "}, \"application/msgpack\": {\"schema\": " + std::string(schema) + "}}";
}

std::string request_body(const Route& route) {
  std::string_view schema = "{}";
  if (route.body == BodyKind::kCompute) {
    schema = R"({"type": "object", "required": ["expression"], "additionalProperties": false, "properties": {)"
             R"("expression": {"type": "string"}, "where": {"type": "object", "additionalProperties": )"
             R"({"type": "array", "items": {"type": ["string", "integer"]}}}}, "example": )"
             R"({"expression": "2*x", "where": {"x": ["person2", "address", "number"]}}})";
  } else if (route.body == BodyKind::kBatch) {
    schema = R"({"type": "array", "maxItems": 10000, "items": {"type": "array", "minItems": 2, "maxItems": 3}, )"
             R"("example": [["PUT", ["person1", {"age": 22}]], ["GET", ["person1"]]]})";
  } else if (route.body == BodyKind::kConsole) {
    schema = R"({"type": "object", "required": ["line"], "additionalProperties": false, "properties": )"
             R"({"line": {"type": "string"}, "all": {"type": "boolean"}}, "example": {"line": "GET person1"}})";
  }
  if (route.body == BodyKind::kRecovery) {
    schema = R"({"type": "object", "required": ["lost"], "additionalProperties": false, "properties": {)"
             R"("lost": {"type": "array", "items": {"type": "string"}}, "cluster": {"type": "string"}}})";
  }
  if (route.body == BodyKind::kSettings) {
    schema = R"({"type": "object", "properties": {"k": {"type": "integer"}, "moves": {"type": "integer"}, )"
             R"("move_rate": {"type": "integer"}, "repair_after_ms": {"type": "integer"}}})";
  }
  if (route.body == BodyKind::kChanges) {
    constexpr std::string_view kPatch = R"({"type": "array", "items": {"type": "object", "required": ["op", "path"]}})";
    constexpr std::string_view kOperations =
        R"({"type": "array", "maxItems": 1000, "items": {"type": "array", "minItems": 2, "maxItems": 3}})";
    return "{\"required\": true, \"content\": {\"application/merge-patch+json\": {\"schema\": {}}, " +
           ("\"application/json-patch+json\": {\"schema\": " + std::string(kPatch)) +
           "}, \"application/json\": {\"schema\": " + std::string(kOperations) + "}}}";
  }
  return "{\"required\": true, \"content\": " + both_formats(schema) + "}";
}

std::string response(std::string_view description, const std::string& content) {
  List list;
  list.member("description", quoted(description));
  if (!content.empty()) list.member("content", content);
  return list.object();
}

std::string responses(const Route& route) {
  std::map<int, std::string> all;
  const bool data = route.service == Service::kCluster || route.service == Service::kPartitions;
  if (data) {
    all[200] = response("The command's result", route.method == Method::kHead ? "" : both_formats(route.result));
    for (const int status : {400, 404, 406, 429, 500, 503, 504}) all[status] = "";
    if (route.body == BodyKind::kDocument) all[201] = response("The key is new", both_formats(route.result));
    if (is_conditional(route)) all[412] = "";
    if (is_conditional(route) && !is_write(route.command)) all[304] = response("Not modified", "");
    if (is_exactly_once(route)) all[409] = all[403] = "";
    if (route.body != BodyKind::kNone) all[413] = all[415] = "";
  } else {
    std::string_view type = "text/plain";
    const bool is_json =
        route.service == Service::kOpenApi || route.service == Service::kRecent || route.service == Service::kConsole;
    if (is_json) type = "application/json";
    if (route.body != BodyKind::kNone) {
      for (const int status : {400, 403, 413, 415}) all[status] = "";
    }
    if (route.service == Service::kPage) type = "text/html";
    all[200] = response("It is there", content(type, route.result));
    if (route.service == Service::kReady) all[503] = response("Not ready", content(type, route.result));
  }
  List list;
  for (const auto& [status, text] : all) {
    const std::string as_problem =
        response(reason_of(status), content("application/problem+json", R"({"$ref": "#/components/schemas/Problem"})"));
    list.member(std::to_string(status), text.empty() ? as_problem : text);
  }
  return list.object();
}

std::string operation(const Route& route) {
  List list;
  list.member("operationId", quoted(operation_id(route)));
  list.member("summary", quoted(route.summary));
  list.member("parameters", parameters(route));
  if (route.body != BodyKind::kNone) list.member("requestBody", request_body(route));
  list.member("responses", responses(route));
  return list.object();
}

}  // namespace

std::string openapi_json() {
  std::map<std::string_view, std::map<Method, const Route*>> paths;
  for (const Route& route : routes()) paths[route.pattern][route.method] = &route;
  List path_list;
  for (const auto& [pattern, by_method] : paths) {
    List operations;
    for (const auto& [method, route] : by_method) operations.member(lower(name_of(method)), operation(*route));
    path_list.member(pattern, operations.object());
  }
  List list;
  list.member("openapi", quoted("3.1.0"));
  list.member("info",
              "{\"title\": \"Trellis\", \"version\": " + quoted(TRELLIS_VERSION) +
                  ", \"description\": \"A distributed key-value database of nested documents, over HTTP. Bytes that "
                  "are no text are {\\\"$binary\\\": \\\"base64\\\"}; a map whose only key begins with $ gets one "
                  "more $.\"}");
  list.member("paths", path_list.object());
  list.member(
      "components",
      R"({"schemas": {"Problem": {"type": "object", "required": ["type", "title", "status", "code", "detail"],)"
      R"( "properties": {"type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},)"
      R"( "code": {"type": "string"}, "detail": {"type": "string"}, "limit": {"type": "integer"}}}}})");
  return list.object() + "\n";
}

}  // namespace trellis
