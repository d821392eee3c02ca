#include "gateway/page_files.hpp"

#include <string>

#include "protocol/command_table.hpp"
#include "protocol/json.hpp"

namespace trellis {
namespace {

bool takes_key(Signature signature) {
  return signature == Signature::kKey || signature == Signature::kRecord || signature == Signature::kPath;
}

/// The shell's commands as a module of the page.  HELP is the shell's own word, and EXIT would end nothing here.
std::string commands_module() {
  std::string all;
  std::string with_keys;
  for (const CommandRow& row : command_rows()) {
    if (row.shell.usage.empty()) continue;
    all += json_string(row.name) + ", ";
    if (takes_key(row.signature)) with_keys += json_string(row.name) + ", ";
  }
  return "export const COMMANDS = [" + all + "\"HELP\"];\nexport const KEY_COMMANDS = [" + with_keys + "];\n";
}

}  // namespace

std::optional<PageFile> page_file(std::string_view name) {
  static const std::string kCommands = commands_module();
  if (name == "commands.js") return PageFile{"commands.js", "text/javascript; charset=utf-8", kCommands};
  return embedded_file(name);
}

}  // namespace trellis
