// The files of the page (gateway/page/), which are built into the program, and one that is made of the commands' table.
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
std::optional<PageFile> embedded_file(std::string_view name);

/// Those, and commands.js: the commands that the page's console completes, all of them and those that take a key.
std::optional<PageFile> page_file(std::string_view name);

}  // namespace trellis
