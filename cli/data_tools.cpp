#include "cli/data_tools.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

#include "cli/shell/execute.hpp"
#include "client/statement/printer.hpp"
#include "program/settings.hpp"
#include "program/signals.hpp"

namespace trellis {
namespace {

/// What the flags say about a file's records.
Result<void> take_record_rules(LoadFlags& flags) {
  RecordRules& rules = flags.options.rules;
  if (flags.key_line) rules.key = KeyRule::from_positions();
  if (!flags.key_field.empty()) {
    auto rule = KeyRule::from_fields(flags.key_field);
    if (!rule) return invalid_argument("--key-field: " + rule.error().message);
    rules.key = std::move(*rule);
  }
  auto types = ValueTypes::read(flags.types);
  if (!types) return invalid_argument("--types: " + types.error().message);
  rules.types = std::move(*types);
  return {};
}

/// Both are patient with a cluster that is lost on the way, not with one that never was: the exit code where it is.
std::optional<int> find_no_cluster(Client& client, const DataToolSettings& settings, const StopSignal& stop) {
  const Answer pong =
      client.call(Command::kPing, std::string(1, '\x90'), settings.options, [&stop] { return stop.requested(); });
  if (stop.requested()) return kExitUnavailable;
  if (pong.reply.status == Code::kOk) return std::nullopt;
  write(print_error({pong.reply.status, pong.reply.info.message}, settings.json));
  return exit_code_of(pong.reply.status);
}

}  // namespace

CLI::App* add_load(CLI::App& app, LoadFlags& flags) {
  RecordRules& rules = flags.options.rules;
  CLI::App* load = app.add_subcommand("load", "Store the records of a data file");
  load->add_option("FILE", flags.options.file, "The file, or - for standard input")->required();
  load->add_flag("--strict", flags.options.strict, "Stop at the first wrong line");
  load->add_option("--key-field", flags.key_field,
                   "Each object or row is a record, and this field its key: _id, address.city, or country,city")
      ->type_name("NAME");
  load->add_flag("--key-line", flags.key_line, "Each object or row is a record, and its position the key: 1, 2, ...")
      ->excludes("--key-field");
  load->add_option("--key-prefix", rules.key_prefix, "Stands in front of each key")->type_name("TEXT");
  load->add_flag("--many-records-a-line", rules.many_records_a_line,
                 "Objects of several fields are several records, also where the same fields come again");
  load->add_option("--types", flags.types, "Of a table's cells, which are text otherwise: auto, or age=number,zip=text")
      ->type_name("TYPES");
  static const std::map<std::string, FileFormat> kFormats = {
      {"lines", FileFormat::kLines}, {"json", FileFormat::kJson}, {"csv", FileFormat::kCsv}, {"tsv", FileFormat::kTsv}};
  load->add_option_function<std::string>(
          "--format", [&rules](const std::string& name) { rules.format = kFormats.at(name); },
          "lines, json, csv or tsv (default: told by the file's name and first bytes)")
      ->check(CLI::IsMember(kFormats))
      ->type_name("FORMAT");
  load->footer(R"(
Lines of records in every notation, JSON lines and arrays, pretty-printed JSON, tables with a header; .gz and .zst as
well. Wrong lines are reported as FILE:LINE:COLUMN: reason; the rest is loaded, and the exit code is 1.

Examples:
  trellis load examples/persons.txt
  trellis load users.json.gz --key-field _id --key-prefix user:
  trellis load cities.csv --key-field country,city --types population=number)");
  return load;
}

CLI::App* add_export(CLI::App& app, ExportOptions& options) {
  CLI::App* tool = app.add_subcommand("export", "Write all records as a data file that `load` takes");
  tool->add_option("FILE", options.file, "Where to, or - for standard output")->capture_default_str();
  tool->add_option("--prefix", options.prefix, "Only keys that begin so")->type_name("TEXT");
  static const std::map<std::string, ExportFormat> kFormats = {
      {"json", ExportFormat::kJson}, {"jsonl", ExportFormat::kJson}, {"arrow", ExportFormat::kArrow}};
  tool->add_option_function<std::string>(
          "--format", [&options](const std::string& name) { options.format = kFormats.at(name); },
          "json or jsonl (a record a line, the default), or arrow")
      ->check(CLI::IsMember(kFormats))
      ->type_name("FORMAT");
  tool->footer(R"(
A record a line, in the order of the keys: {"key": document}. What JSON does not hold (bytes, nan, inf, keys that are
no text) stands on its line as GET prints it. Either way `trellis load` gives back the same keys and values.

Examples:
  trellis export backup.json
  trellis export --prefix user: | zstd > users.json.zst)");
  return tool;
}

int run_load(LoadFlags& flags, const DataToolSettings& settings) {
  if (auto good = take_record_rules(flags); !good) {
    report_failure("trellis", good.error().message);
    return kExitUsage;
  }
  const std::string& file = flags.options.file;
  if (file != "-" && access(file.c_str(), R_OK) != 0) {
    return report_failure("trellis", "cannot read " + file + ": " + std::strerror(errno));
  }
  const StopSignal stop;
  flags.options.stop = &stop;
  flags.options.patience = settings.patience.value_or(flags.options.patience);
  Client client(settings.endpoints, Client::Absent::kTell, settings.user);
  if (const auto code = find_no_cluster(client, settings, stop)) return *code;
  const auto result = load(client, flags.options);
  if (!result) {
    const int code = report_failure("trellis", result.error().message);
    return result.error().code == Code::kFailedPrecondition ? kExitUsage : code;
  }
  std::puts((settings.json ? to_json(*result) : to_text(*result)).c_str());
  return result->exit_code;
}

int run_export(ExportOptions& options, const DataToolSettings& settings) {
  const StopSignal stop;
  options.stop = &stop;
  options.patience = settings.patience.value_or(options.patience);
  options.stale = settings.options.stale;
  Client client(settings.endpoints, Client::Absent::kTell, settings.user);
  if (const auto code = find_no_cluster(client, settings, stop)) return *code;
  const auto result = export_records(client, options);
  if (stop.requested()) return kExitUnavailable;
  if (!result) {
    const int code = report_failure("trellis", result.error().message);
    return result.error().code == Code::kInternal ? code : exit_code_of(result.error().code);
  }
  std::fprintf(stderr, "exported %llu records, in %.1f s (%.0f records/s)\n",
               static_cast<unsigned long long>(result->records), result->seconds,
               static_cast<double>(result->records) / std::max(result->seconds, 1e-3));
  return kExitDone;
}

}  // namespace trellis
