#include "protocol/lifetime.hpp"

#include <charconv>

#include "protocol/limits.hpp"

namespace trellis {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t ms;
};
constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

constexpr std::uint64_t kMost = static_cast<std::uint64_t>(kTtlMax.count());

/// Digits and nothing else.
std::optional<std::uint64_t> digits_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::uint64_t> lifetime_of(std::string_view text) {
  constexpr std::size_t kFractionMax = 6;
  const std::size_t unit_at = text.find_first_not_of("0123456789.");
  if (unit_at == std::string_view::npos) return std::nullopt;
  const std::string_view number = text.substr(0, unit_at);
  const std::size_t point = number.find('.');
  const std::string_view behind = point == std::string_view::npos ? "0" : number.substr(point + 1);
  const auto whole = digits_of(number.substr(0, point));
  const auto fraction = behind.size() <= kFractionMax ? digits_of(behind) : std::nullopt;
  if (!whole || !fraction || *whole > kMost) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (unit.name != text.substr(unit_at)) continue;
    if (*whole > kMost / unit.ms) return std::nullopt;
    std::uint64_t parts = 1;
    for (std::size_t i = 0; i < behind.size(); ++i) parts *= 10;
    const std::uint64_t ms = *whole * unit.ms + *fraction * unit.ms / parts;
    return ms >= 1 && ms <= kMost ? std::optional(ms) : std::nullopt;
  }
  return std::nullopt;
}

std::string seconds_text(std::uint64_t ms) {
  std::string text = std::to_string(ms / 1'000);
  if (ms % 1'000 == 0) return text;
  text += '.' + std::to_string(1'000 + ms % 1'000).substr(1);
  while (text.back() == '0') text.pop_back();
  return text;
}

}  // namespace trellis
