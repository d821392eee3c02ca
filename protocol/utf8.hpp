// UTF-8: what is text, and what are mere bytes.
#pragma once

#include <string_view>

namespace trellis {

/// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view bytes);

}  // namespace trellis
