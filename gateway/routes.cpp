#include "gateway/routes.hpp"

#include <algorithm>

namespace trellis {
namespace {

constexpr std::string_view kAny = "{}";
constexpr std::string_view kTrue = R"({"type": "boolean"})";
constexpr std::string_view kText = R"({"type": "string"})";

constexpr Route kRoutes[] = {
    {Method::kGet, "/v1/keys/{key}", Service::kCluster, Command::kGet, BodyKind::kNone, "The document of a key", kAny},
    {Method::kHead, "/v1/keys/{key}", Service::kCluster, Command::kHas, BodyKind::kNone,
     "Whether a key is there, and the version of its document", kAny},
    {Method::kPut, "/v1/keys/{key}", Service::kCluster, Command::kPut, BodyKind::kDocument,
     "Store a document: true (201) where the key is new, false (200) where it replaced one", kTrue},
    {Method::kDelete, "/v1/keys/{key}", Service::kCluster, Command::kDelete, BodyKind::kNone,
     "Remove a key and its document", kTrue},
    {Method::kPost, "/v1/keys/{key}/pop", Service::kCluster, Command::kPop, BodyKind::kNone,
     "Remove a key and give the document that it had, in one step", kAny},
    {Method::kGet, "/v1/keys", Service::kCluster, Command::kKeys, BodyKind::kNone,
     "The keys with a prefix, in byte order; streamed whole where no limit is given",
     R"({"type": "array", "items": {}})"},
    {Method::kGet, "/v1/scan", Service::kCluster, Command::kScan, BodyKind::kNone,
     "The keys with a prefix and their documents, as [key, document]; streamed whole where no limit is given",
     R"({"type": "array", "items": {"type": "array", "minItems": 2, "maxItems": 2, "items": {}}})"},
    {Method::kGet, "/v1/count", Service::kCluster, Command::kCount, BodyKind::kNone, "How many keys have a prefix",
     R"({"type": "integer"})"},
    {Method::kGet, "/v1/query/{key}/{path}", Service::kCluster, Command::kQuery, BodyKind::kNone,
     "The part of a document at a path: a map's keys, or positions in a list from 0, each a segment of its own", kAny},
    {Method::kPost, "/v1/compute", Service::kCluster, Command::kCompute, BodyKind::kCompute,
     "Evaluate an expression over numbers in documents", R"({"type": "number"})"},
    {Method::kPost, "/v1/batch", Service::kCluster, Command::kBatch, BodyKind::kBatch,
     "Up to 10000 commands at once, each with an answer of its own: [status, result, info]",
     R"({"type": "array", "items": {"type": "array", "minItems": 3, "maxItems": 3, "items": {}}})"},
    {Method::kGet, "/v1/members", Service::kCluster, Command::kMembers, BodyKind::kNone,
     "The workers with their state and load", R"({"type": "array", "items": {"type": "object"}})"},
    {Method::kGet, "/v1/locate/{key}", Service::kCluster, Command::kLocate, BodyKind::kNone,
     "The partition of a key, its replicas and their leader", R"({"type": "object"})"},
    {Method::kGet, "/v1/partitions", Service::kPartitions, Command::kLocate, BodyKind::kNone,
     "Every partition with its replicas and their leader, in order",
     R"({"type": "array", "items": {"type": "object"}})"},
    {Method::kGet, "/v1/status", Service::kCluster, Command::kStatus, BodyKind::kNone,
     "The cluster as a whole: what is up, and what may still fail", R"({"type": "object"})"},
    {Method::kGet, "/v1/ping", Service::kCluster, Command::kPing, BodyKind::kNone, "PONG, from a broker alone", kText},
    {Method::kPost, "/v1/console", Service::kConsole, Command::kPing, BodyKind::kConsole,
     "A line of the shell, as the page's console sends it: what the shell would print",
     R"({"type": "object", "properties": {"out": {"type": "string"}, "err": {"type": "string"}, "code": {"type": "integer"}, "more": {"type": "boolean"}}})"},
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

std::span<const Route> routes() { return kRoutes; }

bool is_listing(const Route& route) {
  return route.service == Service::kCluster && (route.command == Command::kKeys || route.command == Command::kScan);
}

bool is_conditional(const Route& route) {
  if (route.service != Service::kCluster) return false;
  return route.command == Command::kGet || route.command == Command::kHas || route.command == Command::kQuery ||
         route.command == Command::kPut || route.command == Command::kDelete;
}

bool is_exactly_once(const Route& route) {
  return route.service == Service::kCluster && (is_write(route.command) || route.command == Command::kBatch);
}

std::vector<Parameter> parameters_of(const Route& route) {
  std::vector<Parameter> result;
  if (route.service == Service::kReady) result.push_back({"verbose", kText, "Name each check, one a line"});
  if (route.service != Service::kCluster) return result;
  if (is_listing(route) || route.command == Command::kCount) {
    result.push_back({"prefix", kText, "Only keys that begin with it"});
  }
  if (is_listing(route)) {
    result.push_back({"limit", R"({"type": "integer", "minimum": 1, "maximum": 10000})",
                      "One page of so many at most, with a Link header to the next; without it: all, streamed"});
    result.push_back({"after", kText, "Only keys greater than this one"});
  }
  if (route.command == Command::kMembers) {
    result.push_back({"load", R"({"type": "boolean"})",
                      "Tell each worker's memory, how far it is behind, and what it has answered since its start"});
  }
  const bool data_read = !is_exactly_once(route) && route.command != Command::kMembers &&
                         route.command != Command::kStatus && route.command != Command::kPing &&
                         route.command != Command::kLocate;
  if (data_read) {
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
  for (const Route& route : kRoutes) {
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
  if (get != nullptr && !allows(Method::kHead)) result.allowed.push_back(Method::kHead);
  return result;
}

}  // namespace trellis
