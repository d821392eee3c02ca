#include "gateway/nearest.hpp"

#include <algorithm>

#include "gateway/routes.hpp"
#include "protocol/spelling.hpp"

namespace trellis {
namespace {

struct Meaning {
  std::string_view word;  ///< A path's first segment behind the version.
  std::string_view here;
};
/// What people ask elsewhere and is called otherwise here, and is too far off to be found by distance.
constexpr Meaning kMeanings[] = {
    {"health", "/livez"},       {"healthz", "/livez"},     {"alive", "/livez"},
    {"ready", "/readyz"},       {"healthcheck", "/livez"}, {"swagger.json", "/openapi.json"},
    {"docs", "/openapi.json"},  {"get", "/v1/keys/KEY"},   {"put", "/v1/keys/KEY"},
    {"set", "/v1/keys/KEY"},    {"kv", "/v1/keys/KEY"},    {"delete", "/v1/keys/KEY"},
    {"documents", "/v1/keys"},  {"list", "/v1/keys"},      {"nodes", "/v1/members"},
    {"workers", "/v1/members"}, {"index.htm", "/"},        {"stats", "/metrics"},
    {"info", "/v1/status"},
};
constexpr std::size_t kFarthest = 2;  ///< Edits of a segment.

/// "keys" of /v1/keys/{key}, "livez" of /livez.
std::string_view name_of(std::string_view pattern) {
  pattern.remove_prefix(pattern.starts_with("/v1/") ? 4 : 1);
  return pattern.substr(0, pattern.find('/'));
}

bool is_shorter(const Route& route, const Route& other) {
  return name_of(route.pattern).size() < name_of(other.pattern).size();
}

}  // namespace

std::string nearest_path(const Target& target) {
  constexpr std::size_t kShownMax = 64;  // Bytes of each segment that are repeated.
  auto segments = std::span(target.segments);
  const auto is_version = [](const std::string& segment) {
    return segment.size() >= 2 && (segment[0] == 'v' || segment[0] == 'V') &&
           segment.find_first_not_of("0123456789", 1) == std::string::npos;
  };
  while (segments.size() > 1 && (segments[0].empty() || segments[0] == "api" || is_version(segments[0]))) {
    segments = segments.subspan(1);
  }
  const std::string word = lower(segments[0].substr(0, kShownMax));
  if (word.empty()) return "";
  for (const Meaning& meaning : kMeanings) {
    if (meaning.word == word) return std::string(meaning.here);
  }
  const Route* nearest = nullptr;
  std::size_t best = std::min(kFarthest, word.size() / 2) + 1;
  for (const Route& route : routes()) {
    const std::size_t away = edit_distance(word, name_of(route.pattern));
    const bool is_nearer = away < best || (nearest != nullptr && away == best && is_shorter(route, *nearest));
    if (!is_nearer) continue;
    best = away;
    nearest = &route;
  }
  if (nearest == nullptr) return "";
  const std::size_t name_end = nearest->pattern.starts_with("/v1/") ? 4 : 1;
  std::string path(nearest->pattern.substr(0, name_end + name_of(nearest->pattern).size()));
  const bool takes_more = nearest->pattern.find('{') != std::string_view::npos;
  if (!takes_more) return path;
  if (segments.size() == 1) return path + "/KEY";
  // Where all but the number of segments fits, a key with slashes was meant.
  const bool slashes_in_key = best == 0 && nearest->pattern.ends_with("/{key}") && target.segments[0] == "v1";
  std::string_view between = "/";
  for (const std::string& segment : segments.subspan(1)) {
    path.append(between).append(percent_encoded(segment.substr(0, kShownMax)));
    if (slashes_in_key) between = "%2F";
  }
  return path;
}

}  // namespace trellis
