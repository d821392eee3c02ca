#include "program/exposure.hpp"

#include <CLI/CLI.hpp>

namespace trellis {

bool is_loopback(const Endpoint& bound) {
  // Names are not looked up: what a name stands for may change between this look and the bind.
  return bound.host == "localhost" || bound.host == "[::1]" ||
         (bound.host.starts_with("127.") && bound.host.find_first_not_of("0123456789.") == std::string::npos);
}

void add_insecure_setting(CLI::App& app, bool& is_insecure) {
  app.add_flag("--insecure", is_insecure,
               "Listen at addresses that other machines reach even where whoever does is served, unencrypted");
}

Result<void> check_exposure(const std::vector<OpenPort>& ports, bool is_insecure) {
  if (is_insecure) return {};
  for (const OpenPort& port : ports) {
    if (port.asks_for_keys || is_loopback(port.bound)) continue;
    return invalid_argument(port.flag + " " + port.bound.text() +
                            " is reached by other machines, and would serve whoever does: " + port.remedy +
                            ", or say that it may with --insecure (docs/security.md)");
  }
  return {};
}

}  // namespace trellis
