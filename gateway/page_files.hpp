// The files of the page (gateway/page/), which are built into the program.
#pragma once

#include <optional>
#include <string_view>

namespace trellis {

struct PageFile {
  std::string_view name;  ///< "index.html" for "/".
  std::string_view content_type;
  std::string_view text;
};

/// Generated at build time by gateway/embed.cmake.
std::optional<PageFile> page_file(std::string_view name);

}  // namespace trellis
