#include "gateway/accept.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string>

namespace trellis {
namespace {

struct Offer {
  Format format;
  std::string_view type;
};
constexpr std::array<Offer, 6> kOffers = {{
    {Format::kJson, "application/json"},
    {Format::kPacked, "application/msgpack"},
    {Format::kPacked, "application/x-msgpack"},
    {Format::kPacked, "application/vnd.msgpack"},
    {Format::kJsonLines, "application/x-ndjson"},
    {Format::kJsonLines, "application/jsonl"},
}};

struct MediaRange {
  std::string type;  ///< In lower case, without parameters.
  double quality = 1;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

MediaRange read_range(std::string_view text) {
  MediaRange range;
  const std::size_t end = text.find(';');
  for (const char c : trimmed(text.substr(0, end)))
    range.type.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  for (std::size_t at = end; at != std::string_view::npos; at = text.find(';', at + 1)) {
    const std::string_view parameter = trimmed(text.substr(at + 1, text.find(';', at + 1) - at - 1));
    if (parameter.starts_with("q=")) range.quality = std::strtod(std::string(parameter.substr(2)).c_str(), nullptr);
  }
  return range;
}

/// How closely a range names a type: 3 exactly, 2 by application/*, 1 by */*, 0 not at all.
int closeness(std::string_view range, std::string_view type) {
  if (range == type) return 3;
  if (range == "application/*") return 2;
  return range == "*/*" ? 1 : 0;
}

}  // namespace

std::optional<Format> accepted_format(std::string_view accept, bool lines) {
  if (trimmed(accept).empty()) return Format::kJson;
  std::array<double, kOffers.size()> quality{};
  std::array<int, kOffers.size()> closest{};
  for (std::size_t at = 0; at <= accept.size();) {
    const std::size_t end = std::min(accept.find(',', at), accept.size());
    const MediaRange range = read_range(accept.substr(at, end - at));
    for (std::size_t i = 0; i < kOffers.size(); ++i) {
      const int close = closeness(range.type, kOffers[i].type);
      if (close <= closest[i]) continue;
      closest[i] = close;
      quality[i] = range.quality;
    }
    at = end + 1;
  }
  std::optional<Format> best;
  double best_quality = 0;
  for (std::size_t i = 0; i < kOffers.size(); ++i) {
    if (kOffers[i].format == Format::kJsonLines && !lines) continue;
    if (quality[i] <= best_quality) continue;
    best = kOffers[i].format;
    best_quality = quality[i];
  }
  return best;
}

std::optional<Format> body_format(std::string_view content_type) {
  const std::string type = read_range(content_type).type;
  if (type.empty() || type == "application/x-www-form-urlencoded" || type == "text/json") return Format::kJson;
  for (const Offer& offer : kOffers) {
    if (offer.type == type && offer.format != Format::kJsonLines) return offer.format;
  }
  return std::nullopt;
}

}  // namespace trellis
