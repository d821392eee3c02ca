#include "gateway/entity_tags.hpp"

#include <algorithm>
#include <charconv>

namespace trellis {
namespace {

std::optional<std::uint64_t> read_version(std::string_view digits) {
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return version;
}

}  // namespace

bool VersionCondition::holds(std::uint64_t version) const {
  return any || std::find(versions.begin(), versions.end(), version) != versions.end();
}

std::optional<EntityTags> read_entity_tags(std::string_view text) {
  EntityTags tags;
  const auto skip = [&text](std::string_view what) {
    text.remove_prefix(std::min(text.find_first_not_of(what), text.size()));
  };
  skip(" \t");
  if (text.starts_with('*')) {
    text.remove_prefix(1);
    skip(" \t");
    tags.strong.any = tags.weak.any = true;
    return text.empty() ? std::optional(tags) : std::nullopt;
  }
  for (; !text.empty(); skip(" \t,")) {
    const bool weak = text.starts_with("W/");
    if (weak) text.remove_prefix(2);
    const std::size_t end = text.starts_with('"') ? text.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return std::nullopt;
    const auto version = read_version(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    ++tags.count;
    if (!version) continue;
    tags.weak.versions.push_back(*version);
    if (!weak) tags.strong.versions.push_back(*version);
  }
  return tags.count > 0 ? std::optional(tags) : std::nullopt;
}

}  // namespace trellis
