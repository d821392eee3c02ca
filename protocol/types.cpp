#include "protocol/types.hpp"

#include <string_view>

namespace trellis {

std::string to_string(WorkerId id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t at = text.size(); at-- > 0; id.value >>= 4) text[at] = kDigits[id.value % kDigits.size()];
  return text;
}

}  // namespace trellis
