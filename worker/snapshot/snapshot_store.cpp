#include "worker/snapshot/snapshot_store.hpp"

#include <algorithm>

namespace trellis {

bool is_snapshot_name(std::string_view name) {
  constexpr std::size_t kSizeMax = 128;
  const auto letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto allowed = [&](char c) { return letter_or_digit(c) || c == '-' || c == '_' || c == '.'; };
  return !name.empty() && name.size() <= kSizeMax && letter_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(), allowed) && !name.ends_with(kUnfinishedSuffix);
}

}  // namespace trellis
