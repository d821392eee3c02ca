// Exposure: safe by default.  A program that others than this machine could reach, and that would serve whoever does,
// does not start unless it is told to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/endpoint.hpp"
#include "protocol/result.hpp"

namespace CLI {
class App;
}

namespace trellis {

/// Whether only this machine reaches what is bound there: 127.0.0.0/8, [::1] and localhost.
bool is_loopback(const Endpoint& bound);

/// A port that a program is about to bind.
struct OpenPort {
  std::string flag;  ///< That names it: "--frontend".
  Endpoint bound;
  bool asks_for_keys = false;  ///< Or is encrypted, as HTTPS is, and asks who one is.
  /// How it is made to, for people: "give it the cluster's key with --cluster-key (`trellis keys init DIR` makes one)".
  std::string remedy;
};

/// Adds --insecure.  `is_insecure` must outlive the parse.
void add_insecure_setting(CLI::App& app, bool& is_insecure);

/// Error: kInvalidArgument, with the first port that strangers could use, and the two ways on.
Result<void> check_exposure(const std::vector<OpenPort>& ports, bool is_insecure);

/// The remedies of the ports that there are.
inline constexpr const char* kKeyRemedy =
    "give it the cluster's key with --cluster-key FILE, which `trellis keys init DIR` makes";
inline constexpr const char* kMetricsRemedy = "serve metrics on loopback, and gather them there";

}  // namespace trellis
