// Settings: a program's flags, its environment and its config file, in that order, over CLI11.
//
// A main declares its flags on a CLI::App and calls parse_settings, which does the rest, the same for all programs:
//
//   CLI::App app("The broker of a Trellis cluster", "trellis-broker");
//   app.add_option("--frontend", settings.frontend, "Where clients connect")->check(endpoint_problem);
//   app.add_option("-k,--replication", settings.k, "Replication factor")->check(CLI::Range(1, 256));
//   add_log_settings(app, settings.log);
//   if (const auto code = parse_settings(app, argc, argv)) return *code;
//
// Every option with a long name gets its environment variable: --map-size is TRELLIS_MAP_SIZE; where an option may be
// repeated, commas separate the values.  A config file has a line `map-size = 5` for each, `#` begins a comment, and
// options of a subcommand stand under its [name].  So give every option a long name.
#pragma once

#include <optional>
#include <string>

#include "program/log.hpp"
#include "program/slow_log.hpp"
#include "protocol/endpoint.hpp"

namespace CLI {
class App;
}

namespace trellis {

/// Adds --version and --config, the environment and how errors are told, and parses.
/// @returns nothing where the program goes on, or else the code to exit with: 0 after --help and --version, which are
///          printed to stdout; 2 where a setting is wrong, 1 where the config file cannot be read, with one line on
///          stderr that says what is wrong and what would be right.
std::optional<int> parse_settings(CLI::App& app, int argc, const char* const* argv);

/// Adds --log-level and --log-format.  `settings` must outlive the parse.
void add_log_settings(CLI::App& app, LogSettings& settings);

/// Adds --slow-ms, default 1000, where 0 stands for none, and --log-keys.  `settings` must outlive the parse.
void add_slow_settings(CLI::App& app, SlowSettings& settings);

/// Adds --metrics, which takes PORT (of 127.0.0.1) or HOST:PORT.  `metrics` must outlive the parse.
void add_metrics_setting(CLI::App& app, std::string& metrics);
/// What was given to it, once it was parsed; nothing where nothing was.
std::optional<Endpoint> metrics_endpoint(const std::string& metrics);

/// For CLI::Option::check(): what is wrong with an endpoint (HOST:PORT or tcp://HOST:PORT), or "".
std::string endpoint_problem(const std::string& text);

/// The same for an unsigned 64-bit number: CLI11 takes -1 for 2^64-1.
std::string natural_problem(const std::string& text);

/// Prints `NAME: message` to stderr, as one line: how every program reports why it cannot start.
/// @returns 1, to exit with.
int report_failure(const std::string& program, const std::string& message);

}  // namespace trellis
