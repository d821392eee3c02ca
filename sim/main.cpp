// trellis-sim: options and wiring.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "sim/runs.hpp"
#include "sim/simulation.hpp"

int main(int argc, char** argv) {
  using namespace trellis::sim;
  RunsSettings many;
  RunSettings& settings = many.run;
  std::int64_t seconds = 60;
  many.count = 0;
  std::vector<std::string> plants;

  CLI::App app("Runs a whole cluster in simulated time, with faults drawn from a seed, and judges it.", "trellis-sim");
  app.add_option("--seed", settings.seed, "The seed, or the first of them")->capture_default_str();
  app.add_option("--seconds", seconds, "Simulated time with faults, in seconds")->capture_default_str();
  app.add_option("--runs", many.count, "Run so many seeds, each in a process of its own");
  app.add_option("--jobs", many.jobs, "How many at a time (default: one for each core)");
  const std::map<std::string, Scenario> scenarios = {{"any", Scenario::kAny},
                                                     {"elections", Scenario::kElections},
                                                     {"laggards", Scenario::kLaggards},
                                                     {"leaders", Scenario::kLeaders},
                                                     {"blackouts", Scenario::kBlackouts},
                                                     {"seclusions", Scenario::kSeclusions},
                                                     {"two-lives", Scenario::kTwoLives},
                                                     {"sessions", Scenario::kSessions},
                                                     {"copies", Scenario::kCopies},
                                                     {"slow-links", Scenario::kSlowLinks},
                                                     {"broken-links", Scenario::kBrokenLinks},
                                                     {"group", Scenario::kGroup},
                                                     {"members", Scenario::kMembers}};
  app.add_option("--scenario", settings.scenario, "What to concentrate on")
      ->transform(CLI::CheckedTransformer(scenarios, CLI::ignore_case));
  app.add_option("--plant", plants, "Switch on a fault in the system on purpose; repeat it for several");
  app.add_option("--history", settings.history_file, "Write the clients' history to this file (for trellis-check)");
  app.add_flag("--until-failure", many.ends_at_first_failure, "End with the first seed that fails");
  app.add_flag("--trace", settings.prints_trace, "Print the whole trace");
  CLI11_PARSE(app, argc, argv);

  settings.length = std::chrono::seconds(seconds);
  settings.plants.names.insert(plants.begin(), plants.end());
  if (many.count > 0) return run_many(many).empty() ? 0 : 1;
  const RunOutcome outcome = run_simulation(settings);
  std::fputs(to_text(settings.seed, outcome).c_str(), stdout);
  return outcome.violation.empty() ? 0 : 1;
}
