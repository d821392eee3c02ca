#include "worker/state/later_entries.hpp"

namespace trellis {

std::optional<std::string> later_follow_entry(const MapVersion&, std::uint32_t, const SystemRecords&) {
  return std::nullopt;
}

Result<void> apply_later_entry(std::string_view, SystemRecords&) {
  return invalid_argument("system entry: of a kind that is not known to this program; is it older than the cluster's?");
}

}  // namespace trellis
