#include "gateway/routes.hpp"

#include <algorithm>

namespace trellis {
namespace {

constexpr std::string_view kAny = "{}";
constexpr std::string_view kTrue = R"({"type": "boolean"})";
constexpr std::string_view kText = R"({"type": "string"})";

constexpr Route kOwnRoutes[] = {
    {Method::kPut, "/v1/query/{key}/{path}", Service::kCluster, Command::kPatch, BodyKind::kDocument,
     "Put a value at a path of a document: true (201) where something is new, false (200) where it was replaced; maps "
     "that are missing on the way are made",
     kTrue},
    {Method::kDelete, "/v1/query/{key}/{path}", Service::kCluster, Command::kPatch, BodyKind::kNone,
     "Take away what is at a path of a document", kTrue},
    {Method::kPatch, "/v1/settings", Service::kCluster, Command::kSettings, BodyKind::kSettings,
     "Change what holds for the whole cluster: an object of names and values; all of them as they are then",
     R"({"type": "object"})"},
    {Method::kGet, "/v1/partitions", Service::kPartitions, Command::kLocate, BodyKind::kNone,
     "Every partition with its replicas and their leader, in order",
     R"({"type": "array", "items": {"type": "object"}})"},
    {Method::kPost, "/v1/console", Service::kConsole, Command::kPing, BodyKind::kConsole,
     "A line of the shell, as the page's console sends it: what the shell would print",
     R"({"type": "object", "properties": {"out": {"type": "string"}, "err": {"type": "string"},)"
     R"( "code": {"type": "integer"}, "more": {"type": "boolean"}}})"},
    {Method::kGet, "/v1/recent", Service::kRecent, Command::kPing, BodyKind::kNone,
     "Requests a second and latency of the last two minutes, as the page draws them", R"({"type": "object"})"},
    {Method::kGet, "/livez", Service::kLive, Command::kPing, BodyKind::kNone,
     "ok while the gateway runs, whatever the cluster does", kText},
    {Method::kGet, "/readyz", Service::kReady, Command::kStatus, BodyKind::kNone,
     "ok while a broker answers and the cluster serves, else 503", kText},
    {Method::kGet, "/metrics", Service::kMetrics, Command::kPing, BodyKind::kNone,
     "What the gateway counts, in Prometheus' text format", kText},
    {Method::kGet, "/openapi.json", Service::kOpenApi, Command::kPing, BodyKind::kNone, "This description",
     R"({"type": "object"})"},
    {Method::kGet, "/", Service::kPage, Command::kPing, BodyKind::kNone, "A page to look at the cluster", kText},
};

/// JSON schema of a command's result.
std::string_view schema_of(ResultType type) {
  switch (type) {
    case ResultType::kBoolean: return kTrue;
    case ResultType::kDocument:
    case ResultType::kChanges: return kAny;
    case ResultType::kNumber: return R"({"type": "number"})";
    case ResultType::kCount: return R"({"type": "integer"})";
    case ResultType::kTimeLeft: return R"({"type": ["integer", "null"]})";
    case ResultType::kKeys: return R"({"type": "array", "items": {}})";
    case ResultType::kRecords:
      return R"({"type": "array", "items": {"type": "array", "minItems": 2, "maxItems": 2, "items": {}}})";
    case ResultType::kItems:
      return R"({"type": "array", "items": {"type": "array", "minItems": 3, "maxItems": 3, "items": {}}})";
    case ResultType::kUsers:
    case ResultType::kRoles:
    case ResultType::kMembers: return R"({"type": "array", "items": {"type": "object"}})";
    case ResultType::kMoves: return R"({"type": "array", "items": {"type": "object"}})";
    case ResultType::kRecovery:
    case ResultType::kLocation:
    case ResultType::kSettings:
    case ResultType::kStatus: return R"({"type": "object"})";
    case ResultType::kText: return kText;
  }
  return kAny;
}

/// Where a command's arguments do not fit into a URL.
BodyKind body_of(Signature signature) {
  switch (signature) {
    case Signature::kRecord: return BodyKind::kDocument;
    case Signature::kFormula: return BodyKind::kCompute;
    case Signature::kItems: return BodyKind::kBatch;
    case Signature::kChanges: return BodyKind::kChanges;
    case Signature::kRecovery: return BodyKind::kRecovery;
    default: return BodyKind::kNone;
  }
}

std::vector<Route> all_routes() {
  std::vector<Route> all;
  for (const CommandRow& row : command_rows()) {
    const HttpForm& http = row.http;
    if (http.pattern.empty()) continue;
    all.push_back({http.method, http.pattern, Service::kCluster, row.command, body_of(row.signature), http.summary,
                   schema_of(row.result)});
  }
  all.insert(all.end(), std::begin(kOwnRoutes), std::end(kOwnRoutes));
  return all;
}

/// Whether `segments` fit the pattern; what stands for its names is put into `values`.
bool fits(std::string_view pattern, const std::vector<std::string>& segments, std::vector<std::string>& values) {
  pattern.remove_prefix(1);
  for (std::size_t i = 0;; ++i) {
    const std::size_t end = pattern.find('/');
    const std::string_view wanted = pattern.substr(0, end);
    if (wanted == "{path}") {
      for (; i < segments.size(); ++i) values.push_back(segments[i]);
      return true;
    }
    if (i >= segments.size()) return false;
    if (wanted == "{key}") {
      values.push_back(segments[i]);
    } else if (wanted != segments[i]) {
      return false;
    }
    if (end == std::string_view::npos) return i + 1 == segments.size();
    pattern.remove_prefix(end + 1);
  }
}

}  // namespace

std::span<const Route> routes() {
  static const std::vector<Route> kRoutes = all_routes();
  return kRoutes;
}

bool is_listing(const Route& route) {
  return route.service == Service::kCluster && row_of(route.command).signature == Signature::kPage;
}

bool is_conditional(const Route& route) {
  if (route.service != Service::kCluster || !is_on_one_key(route.command)) return false;
  return is_read(route.command) || row_of(route.command).options.has(Option::kIfVersion);
}

bool is_exactly_once(const Route& route) { return route.service == Service::kCluster && takes_session(route.command); }

bool takes_lifetime(const Route& route) {
  return route.service == Service::kCluster && row_of(route.command).options.has(Option::kTtl) &&
         route.body != BodyKind::kNone;
}

std::vector<Parameter> parameters_of(const Route& route) {
  std::vector<Parameter> result;
  if (route.service == Service::kReady) result.push_back({"verbose", kText, "Name each check, one a line"});
  if (route.service != Service::kCluster) return result;
  const CommandRow& row = row_of(route.command);
  if (row.signature == Signature::kPage || row.signature == Signature::kPrefix) {
    result.push_back({"prefix", kText, "Only keys that begin with it"});
    result.push_back(
        {"match", kText,
         "Only keys that match the pattern: * any bytes, ? one character, [a-z] one of these, \\ takes the "
         "next character as it is"});
    result.push_back({"at_least", kText, "Only keys from this one on"});
    result.push_back({"below", kText, "Only keys smaller than this one"});
  }
  if (is_listing(route)) {
    result.push_back({"limit", R"({"type": "integer", "minimum": 1, "maximum": 10000})",
                      "One page of so many at most, with a Link header to the next; without it: all, streamed"});
    result.push_back({"after", kText, "Only keys that come after this one in the listing's direction"});
    result.push_back({"reverse", R"({"type": "boolean"})", "From the largest key to the smallest"});
  }
  if (row.options.has(Option::kLoad)) {
    result.push_back({"load", R"({"type": "boolean"})",
                      "Tell each worker's memory, how far it is behind, and what it has answered since its start"});
  }
  if (row.options.has(Option::kAllowFewer)) {
    result.push_back({"allow_fewer", R"({"type": "boolean"})", "Even where fewer than 2k-1 workers are left"});
  }
  if (row.options.has(Option::kDryRun) && route.method != Method::kGet) {
    result.push_back({"dry_run", R"({"type": "boolean"})", "Change nothing, and tell what would move"});
  }
  if (row.options.has(Option::kConsistency)) {
    result.push_back({"consistency", R"({"type": "string", "enum": ["linearizable", "stale"]})",
                      "stale: any replica may answer, perhaps not with the newest"});
  }
  result.push_back({"timeout_ms", R"({"type": "integer", "minimum": 1, "maximum": 600000, "default": 5000})",
                    "How long the cluster has for an answer"});
  return result;
}

Match match(Method method, const Target& target) {
  Match result;
  const Route* get = nullptr;
  for (const Route& route : routes()) {
    std::vector<std::string> values;
    if (!fits(route.pattern, target.segments, values)) continue;
    result.allowed.push_back(route.method);
    result.values = std::move(values);
    if (route.method == method) result.route = &route;
    if (route.method == Method::kGet) get = &route;
  }
  if (get != nullptr && method == Method::kHead && result.route == nullptr) result.route = get;
  const auto allows = [&result](Method wanted) {
    return std::find(result.allowed.begin(), result.allowed.end(), wanted) != result.allowed.end();
  };
  std::sort(result.allowed.begin(), result.allowed.end());
  if (get != nullptr && !allows(Method::kHead)) result.allowed.push_back(Method::kHead);
  return result;
}

}  // namespace trellis
