#include <algorithm>

#include "client/public/trellis/client.hpp"

namespace trellis::client {

Value::Value(Array array) : content_(std::move(array)) {}
Value::Value(Map map) : content_(std::move(map)) {}

bool Value::operator==(const Value& other) const { return content_ == other.content_; }

std::optional<bool> Value::as_bool() const {
  const bool* const held = std::get_if<bool>(&content_);
  return held == nullptr ? std::nullopt : std::optional(*held);
}

std::optional<std::int64_t> Value::as_int() const {
  const auto* const held = std::get_if<std::int64_t>(&content_);
  return held == nullptr ? std::nullopt : std::optional(*held);
}

std::optional<std::uint64_t> Value::as_uint() const {
  if (const auto* const held = std::get_if<std::uint64_t>(&content_)) return *held;
  const auto* const held = std::get_if<std::int64_t>(&content_);
  return held == nullptr || *held < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(*held));
}

std::optional<double> Value::as_number() const {
  if (const auto* const held = std::get_if<double>(&content_)) return *held;
  if (const auto* const held = std::get_if<std::int64_t>(&content_)) return static_cast<double>(*held);
  if (const auto* const held = std::get_if<std::uint64_t>(&content_)) return static_cast<double>(*held);
  return std::nullopt;
}

const Value* Value::find(std::string_view key) const {
  const Map* const map = as_map();
  if (map == nullptr) return nullptr;
  const auto at = std::find_if(map->begin(), map->end(), [key](const auto& pair) { return pair.first == key; });
  return at == map->end() ? nullptr : &at->second;
}

}  // namespace trellis::client
