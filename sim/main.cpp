// trellis-sim: options and wiring.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "protocol/limits.hpp"
#include "sim/nearest_name.hpp"
#include "sim/runs.hpp"
#include "sim/simulation.hpp"

namespace {

using namespace trellis::sim;

/// Processes below kFirstBroker are the workers, and some scenarios have spare ones.
constexpr int kWorkersOfARun = static_cast<int>(kFirstBroker) - 10;

template <typename Rows>
std::vector<std::string_view> names_of(const Rows& rows) {
  std::vector<std::string_view> names;
  for (const auto& row : rows) names.push_back(row.name);
  return names;
}

Scenario scenario_named(const std::string& name) {
  if (const auto scenario = scenario_of(name)) return *scenario;
  throw CLI::ValidationError(unknown_name("scenario", name, names_of(all_scenarios())));
}

Mutation mutation_named(const std::string& name) {
  if (const auto mutation = mutation_of(name)) return *mutation;
  throw CLI::ValidationError(unknown_name("mutation", name, names_of(all_mutations())));
}

std::string text_of(std::string_view text) { return std::string(text); }

int print_tables() {
  for (const ScenarioRow& row : all_scenarios()) {
    std::printf("scenario %-24s %s\n", text_of(row.name).c_str(), text_of(row.what).c_str());
  }
  for (const MutationRow& row : all_mutations()) {
    std::printf("mutation %-24s %s (%s)\n", text_of(row.name).c_str(), text_of(row.what).c_str(),
                text_of(row_of(row.scenario).name).c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  RunsSettings many;
  RunSettings& settings = many.run;
  std::int64_t seconds = 60;
  bool lists = false;
  many.count = 0;

  CLI::App app("Runs a whole cluster in simulated time, with faults drawn from a seed, and checks it.", "trellis-sim");
  app.add_option("--seed", settings.seed, "The seed, or the first of them")->capture_default_str();
  app.add_option("--seconds", seconds, "Simulated time with faults, in seconds")->capture_default_str();
  app.add_option("--runs", many.count, "Run so many seeds, each in a process of its own");
  app.add_option("--jobs", many.jobs, "How many at a time (default: one for each core)");
  app.add_option_function<std::string>(
      "--scenario", [&](const std::string& name) { settings.scenario = scenario_named(name); },
      "What to concentrate on (see --list)");
  app.add_option_function<std::vector<std::string>>(
      "--mutation",
      [&](const std::vector<std::string>& names) {
        for (const std::string& name : names) settings.mutations.add(mutation_named(name));
      },
      "Put this fault into the system on purpose (see --list); repeat it for several");
  app.add_option("--workers", settings.workers, "So many at first, instead of what is drawn")
      ->check(CLI::Range(1, kWorkersOfARun));
  app.add_option("--partitions", settings.partitions, "So many, a power of two, instead of what is drawn")
      ->check(CLI::Range(1, int{trellis::kPartitionsMax}));
  app.add_flag("--list", lists, "Print all scenarios and mutations, and end");
  app.add_option("--history", settings.history_file, "Write the clients' history to this file (for trellis-check)");
  app.add_flag("--until-failure", many.ends_at_first_failure, "End with the first seed that fails");
  app.add_flag("--trace", settings.prints_trace, "Print the whole trace");
  CLI11_PARSE(app, argc, argv);

  settings.length = std::chrono::seconds(seconds);
  if (lists) return print_tables();
  if (many.count > 0) return run_many(many).empty() ? 0 : 1;
  const RunOutcome outcome = run_simulation(settings);
  std::fputs(to_text(settings.seed, outcome).c_str(), stdout);
  return outcome.violation.empty() ? 0 : 1;
}
