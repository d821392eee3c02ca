// JsonFields: what a backup's manifest has in its JSON objects, taken out with all that can be wrong about it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/backup/damage.hpp"

namespace trellis {

using Json = nlohmann::ordered_json;

/// Takes fields out of a JSON object, and keeps the first that is not as it should be.
class JsonFields {
 public:
  static constexpr std::size_t kHexSize = 16;  ///< Digits of 64 bits.
  static std::optional<std::uint64_t> from_hex(std::string_view text) {
    if (text.size() != kHexSize) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
      const bool is_digit = c >= '0' && c <= '9';
      if (!is_digit && (c < 'a' || c > 'f')) return std::nullopt;
      value = value << 4 | static_cast<std::uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
    }
    return value;
  }

  JsonFields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  std::uint64_t natural(const char* name, std::uint64_t least, std::uint64_t most) {
    const Json* const value = find(name);
    if (value == nullptr) return 0;
    const bool is_good =
        value->is_number_unsigned() && value->get<std::uint64_t>() >= least && value->get<std::uint64_t>() <= most;
    if (!is_good) fail(name, "an int from " + std::to_string(least) + " to " + std::to_string(most));
    return is_good ? value->get<std::uint64_t>() : 0;
  }
  std::string text(const char* name) {
    const Json* const value = find(name);
    if (value == nullptr) return {};
    if (!value->is_string()) fail(name, "a text");
    return value->is_string() ? value->get<std::string>() : std::string();
  }
  std::uint64_t hex(const char* name) {
    const auto value = from_hex(text(name));
    if (!value) fail(name, "16 hex digits");
    return value.value_or(0);
  }
  const Json& array(const char* name) {
    static const Json kNone = Json::array();
    const Json* const value = find(name);
    if (value == nullptr) return kNone;
    if (!value->is_array()) fail(name, "an array");
    return value->is_array() ? *value : kNone;
  }
  void fail(const std::string& name, std::string right) {
    if (!wrong_) wrong_ = Damage{"", 0, false, where_ + name + " is not what it can be", std::move(right)};
  }
  const std::optional<Damage>& wrong() const { return wrong_; }

 private:
  const Json* find(const char* name) {
    const auto at = object_.find(name);
    if (at != object_.end()) return &*at;
    fail(name, "there to be one");
    return nullptr;
  }

  const Json& object_;
  std::string where_;
  std::optional<Damage> wrong_;
};

}  // namespace trellis
