#include "protocol/result.hpp"

#include <array>

namespace trellis {
namespace {

// In the order of Code.
constexpr std::array<std::string_view, 12> kNames = {"OK",
                                                     "INVALID_ARGUMENT",
                                                     "NOT_FOUND",
                                                     "ALREADY_EXISTS",
                                                     "FAILED_PRECONDITION",
                                                     "UNAVAILABLE",
                                                     "DEADLINE_EXCEEDED",
                                                     "RESOURCE_EXHAUSTED",
                                                     "UNAUTHENTICATED",
                                                     "PERMISSION_DENIED",
                                                     "UNIMPLEMENTED",
                                                     "INTERNAL"};

}  // namespace

std::string_view name_of(Code code) { return kNames.at(static_cast<std::size_t>(code)); }

std::optional<Code> code_of(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Code>(i);
  }
  return std::nullopt;
}

}  // namespace trellis
