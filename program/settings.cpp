#include "program/settings.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <map>

#include "protocol/endpoint.hpp"
#include "protocol/spelling.hpp"

namespace trellis {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitWrongSetting = 2;

/// --map-size is TRELLIS_MAP_SIZE.
std::string environment_name(const std::string& long_name) {
  std::string name = "TRELLIS_";
  for (const char c : long_name) {
    name.push_back(c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return name;
}

bool is_set(const std::string& variable) {
  const char* value = std::getenv(variable.c_str());
  return value != nullptr && *value != '\0';
}

/// A config file whose items yield to the environment: CLI11 2.1.2 would let them win.
class YieldingConfig : public CLI::ConfigTOML {
 public:
  explicit YieldingConfig(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    if (input.peek() == 0xef) input.ignore(3);  // A byte order mark, which some editors write in front.
    auto items = CLI::ConfigTOML::from_config(input);
    std::erase_if(items, [this](const CLI::ConfigItem& item) { return yields(item); });
    return items;
  }

 private:
  bool yields(const CLI::ConfigItem& item) const {
    const CLI::App* app = &app_;
    for (const std::string& parent : item.parents) {
      const auto found = app->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == parent; });
      if (found.empty()) return false;
      app = found.front();
    }
    for (const std::string dashes : {"--", "-"}) {
      if (const CLI::Option* option = app->get_option_no_throw(dashes + item.name))
        return is_set(option->get_envname());
    }
    return false;
  }
  const CLI::App& app_;
};

void apply_environment(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || option == app.get_help_ptr()) continue;
    option->envname(environment_name(option->get_lnames().front()));
    if (option->get_items_expected_max() > 1 && !option->get_positional()) option->delimiter(',');
  }
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) apply_environment(*sub);
}

/// The long flags of an app and of the subcommands that were asked for.
void collect_flags(const CLI::App& app, std::vector<std::string>& flags) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  for (const CLI::App* sub : app.get_subcommands()) collect_flags(*sub, flags);
}

std::string nearest_flag(const CLI::App& app, const std::string& wrong) {
  std::vector<std::string> flags;
  collect_flags(app, flags);
  std::size_t least = std::max<std::size_t>(3, wrong.size() / 3);  // Further off it is no slip of the keyboard.
  std::string nearest;
  for (const std::string& flag : flags) {
    const std::size_t away = edit_distance(wrong, flag);
    if (away >= least) continue;
    least = away;
    nearest = flag;
  }
  return nearest;
}

std::string describe_extra(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining(true);
  const std::string word = extras.empty() ? std::string() : extras.front().substr(0, extras.front().find('='));
  if (word.empty() || word.front() != '-') return "unexpected argument \"" + word + "\"";
  const std::string nearest = nearest_flag(app, word);
  return "unknown flag " + word + (nearest.empty() ? "" : "; did you mean " + nearest + "?");
}

/// The option of that name, of the app or of a subcommand that was asked for; or null.
const CLI::Option* find_option(const CLI::App& app, const std::string& name) {
  if (const CLI::Option* option = app.get_option_no_throw(name)) return option;
  for (const CLI::App* sub : app.get_subcommands()) {
    if (const CLI::Option* option = find_option(*sub, name)) return option;
  }
  return nullptr;
}

/// " (from TRELLIS_X)" where an option has its value from there.
std::string origin(const CLI::Option* option) {
  if (option == nullptr || !is_set(option->get_envname())) return "";
  const bool same = CLI::detail::join(option->results(), ",") == std::getenv(option->get_envname().c_str());
  return same ? " (from " + option->get_envname() + ")" : "";
}

/// CLI11 says "Could not convert: --flag = value"; what would be right is the option's type.
std::string describe_conversion(const CLI::App& app, const std::string& what) {
  static const std::map<std::string, std::string> kTypes = {{"INT", "a whole number"},
                                                            {"UINT", "a whole number from 0"},
                                                            {"FLOAT", "a number"},
                                                            {"BOOLEAN", "true or false"}};
  const std::size_t start = what.find(": ");
  const std::size_t equals = what.find(" = ");
  if (start == std::string::npos || equals == std::string::npos) return what;
  const std::string flag = what.substr(start + 2, equals - start - 2);
  const CLI::Option* option = find_option(app, flag);
  const std::string type = option == nullptr ? "" : option->get_type_name();
  const auto known = kTypes.find(type.substr(0, type.find(':')));
  return flag + " cannot be \"" + what.substr(equals + 3) + "\"; it must be " +
         (known == kTypes.end() ? "another value" : known->second) + origin(option);
}

/// It says "--flag: what is wrong", in the words of the check.
std::string describe_validation(const CLI::App& app, const std::string& what) {
  return what + origin(find_option(app, what.substr(0, what.find(": "))));
}

std::string describe(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return describe_extra(app);
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) return describe_conversion(app, error.what());
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) return describe_validation(app, error.what());
  return error.what();
}

int report_parse_error(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const bool unreadable = dynamic_cast<const CLI::FileError*>(&error) != nullptr;
  const std::string help = unreadable ? std::string() : " (" + app.get_name() + " --help lists all flags)";
  report_failure(app.get_name(), describe(app, error) + help);
  return unreadable ? kExitFailure : kExitWrongSetting;
}

}  // namespace

std::optional<int> parse_settings(CLI::App& app, int argc, const char* const* argv) {
  apply_environment(app);
  app.set_version_flag("--version", app.get_name() + " " + TRELLIS_VERSION, "Print the version and exit");
  const char* config = std::getenv("TRELLIS_CONFIG");
  const bool has_config = config != nullptr && *config != '\0';
  app.set_config("--config", has_config ? config : "", "Read settings from a file; flags and environment win over it",
                 has_config);
  app.config_formatter(std::make_shared<YieldingConfig>(app));
  app.allow_config_extras(CLI::config_extras_mode::error);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error);
  }
  return std::nullopt;
}

void add_log_settings(CLI::App& app, LogSettings& settings) {
  static const std::map<std::string, LogLevel> kLevels = {{"debug", LogLevel::kDebug},
                                                          {"info", LogLevel::kInfo},
                                                          {"warning", LogLevel::kWarning},
                                                          {"error", LogLevel::kError}};
  static const std::map<std::string, LogFormat> kFormats = {{"text", LogFormat::kText}, {"json", LogFormat::kJson}};
  app.add_option_function<std::string>(
         "--log-level", [&settings](const std::string& name) { settings.level = kLevels.at(name); },
         "What is logged: debug, info, warning or error (default info)")
      ->check(CLI::IsMember(kLevels))
      ->type_name("LEVEL");
  app.add_option_function<std::string>(
         "--log-format", [&settings](const std::string& name) { settings.format = kFormats.at(name); },
         "How it is logged: text or json (default text)")
      ->check(CLI::IsMember(kFormats))
      ->type_name("FORMAT");
}

void add_slow_settings(CLI::App& app, SlowSettings& settings) {
  settings.after = std::chrono::milliseconds(1'000);
  app.add_option_function<std::uint32_t>(
         "--slow-ms", [&settings](std::uint32_t ms) { settings.after = std::chrono::milliseconds(ms); },
         "Log requests that take so long, and where their time went; 0: none")
      ->check(natural_problem)
      ->type_name("MS")
      ->default_str("1000");
  app.add_flag("--log-keys", settings.names_keys, "Name the keys of slow requests in the log");
}

void add_metrics_setting(CLI::App& app, std::string& metrics) {
  const auto problem = [](const std::string& text) { return read_port(text) ? std::string() : endpoint_problem(text); };
  app.add_option("--metrics", metrics, "Serve GET /metrics for Prometheus there: PORT (of 127.0.0.1), or HOST:PORT")
      ->check(problem)
      ->type_name("PORT");
}

std::optional<Endpoint> metrics_endpoint(const std::string& metrics) {
  if (metrics.empty()) return std::nullopt;
  if (const auto port = read_port(metrics)) return Endpoint{"127.0.0.1", *port};
  return *read_endpoint(metrics);
}

std::string endpoint_problem(const std::string& text) {
  const auto endpoint = read_endpoint(text);
  return endpoint ? "" : endpoint.error().message;
}

std::string natural_problem(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : "\"" + text + "\" is no whole number from 0";
}

int report_failure(const std::string& program, const std::string& message) {
  std::string line = program + ": " + message;
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::cerr << line << std::endl;
  return kExitFailure;
}

}  // namespace trellis
