#include "sim/group/group.hpp"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "sim/group/group_run.hpp"
#include "sim/mutations/omitted_rules.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

constexpr Duration kWellWithin = std::chrono::seconds(20);
constexpr std::size_t kTraceLines = 150;
constexpr std::size_t kVotersUsual = 3;
constexpr std::size_t kFoundersMax = 5;
/// Where members change, up to so many workers are there, of which some have no replica.
constexpr std::size_t kWorkersMax = 7;

}  // namespace

Group::Group(const GroupSettings& settings) : settings_(settings), world_(settings.seed), network_(world_) {
  if (settings.prints_trace) world_.print_all();
  Random& random = world_.random();
  replica_settings_.snapshot_log_bytes = static_cast<std::uint64_t>(2'000) << random.below(6);
  replica_settings_.tail_bytes = random.chance(0.5) ? 1 : replica_settings_.snapshot_log_bytes / 4;
  if (random.chance(0.5)) replica_settings_.piece_size = 100;
  replica_settings_.install_timeout = milliseconds(1'000);
  replica_settings_.omitted = omitted_rules(settings_.mutations);
  network_.conditions.delay_max = random.chance(0.5) ? milliseconds(2) : milliseconds(60);
  network_.conditions.loss = random.chance(0.5) ? 0 : 0.05;
  network_.conditions.doubling = random.chance(0.5) ? 0 : 0.05;
  network_.conditions.overtaking = random.chance(0.5) ? 0 : 0.1;
  network_.conditions.overtaken_by = random.chance(0.5) ? milliseconds(100) : milliseconds(2'000);
  const Duration sync_max = random.chance(0.3)   ? milliseconds(2)
                            : random.chance(0.5) ? milliseconds(60)
                                                 : milliseconds(900);
  const std::size_t count =
      random.chance(0.5) ? kVotersUsual : static_cast<std::size_t>(random.between(1, kFoundersMax));
  std::vector<ReplicaPlace> founders;
  for (std::size_t i = 0; i < count; ++i) founders.push_back({ReplicaId{i + 1}, worker_id_of(i)});
  // With one worker to spare it soon comes back to where it was.
  const std::size_t there = random.chance(0.5) ? kWorkersMax : count + 1;
  for (std::size_t i = 0; i < (settings.changes_members ? there : count); ++i) {
    workers_.push_back(std::make_unique<GroupWorker>(*this, i));
    workers_.back()->disk().conditions.sync_max = sync_max;
    if (i < count) workers_.back()->found(founders[i].id, founders);
  }
  targets_ = std::make_unique<Targets>(std::move(founders), settings_.mutations.has(Mutation::kReplicaIdReused));
}

void Group::carry(std::size_t from, std::size_t to, std::uint64_t size, std::function<void(GroupWorker&)> arrive) {
  network_.carry(static_cast<ProcessNumber>(from), static_cast<ProcessNumber>(to), size,
                 [&peer = *workers_[to], arrive = std::move(arrive)] { arrive(peer); });
}

void Group::on_leader(std::size_t worker, Term term) {
  const auto [at, is_new] = leaders_.try_emplace(term.value, worker);
  if (is_new) {
    ++outcome_.counters.leaders;
    world_.note("leads term", worker, term.value);
  }
  if (at->second == worker) return;
  world_.violate("two leaders in term " + std::to_string(term.value) + ": workers " + std::to_string(at->second) +
                 " and " + std::to_string(worker));
}

void Group::on_applied(std::size_t worker, std::uint64_t index, std::string_view command, std::uint64_t state) {
  const std::uint64_t hash = XXH3_64bits(command.data(), command.size());
  world_.note("applies", worker, index, hash);
  ++outcome_.counters.applied;
  const auto [at, is_new] = applied_.try_emplace(index, Applied{hash, state});
  if (at->second.command == hash && at->second.state == state) return;
  const std::string what = at->second.command == hash ? "differs from others at entry "
                                                      : "applies another entry than was applied before at ";
  world_.violate("worker " + std::to_string(worker) + " " + what + std::to_string(index));
}

void Group::on_restored(std::uint64_t index, std::uint64_t state) {
  const auto at = applied_.upper_bound(index);
  if (at == applied_.begin() || std::prev(at)->second.state == state) return;
  world_.violate("the snapshot of entry " + std::to_string(index) + " holds another state");
}

void Group::schedule(Duration least, Duration most, std::function<void()> what) {
  world_.after(world_.random().between(least, most), [this, least, most, what = std::move(what)] {
    if (has_ended_) return;
    what();
    schedule(least, most, what);
  });
}

GroupWorker& Group::some_leader() {
  std::vector<GroupWorker*> leaders;
  for (const auto& worker : workers_) {
    if (worker->replica() != nullptr && worker->replica()->is_leader()) leaders.push_back(worker.get());
  }
  return leaders.empty() ? some_worker() : *world_.random().pick(leaders);
}

void Group::cut_for_a_while(std::size_t worker, bool outward, bool inward) {
  world_.note("is cut off", worker, outward, inward);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (outward) network_.cut(static_cast<ProcessNumber>(worker), static_cast<ProcessNumber>(i));
    if (inward) network_.cut(static_cast<ProcessNumber>(i), static_cast<ProcessNumber>(worker));
  }
  const Duration time = world_.random().between(milliseconds(50), milliseconds(2'500));
  disturb(worker, time);
  world_.after(time, [this] { network_.heal(); });
}

void Group::fault() {
  Random& random = world_.random();
  Counters& counters = outcome_.counters;
  GroupWorker& worker = random.chance(0.5) ? some_leader() : some_worker();
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2: {
      ++counters.crashes;
      worker.crash(random.chance(0.5));
      const Duration within = random.chance(0.5) ? milliseconds(30) : milliseconds(2'500);
      disturb(worker.index(), within);
      return worker.restart_within(within);
    }
    case 3: {
      ++counters.pauses;
      const Duration time = random.between(milliseconds(50), milliseconds(2'500));
      disturb(worker.index(), time);
      return worker.pause(time);
    }
    case 4:
    case 5:
    case 6: {
      const std::uint64_t way = random.below(4);
      ++counters.cuts;
      return cut_for_a_while(worker.index(), way != 0, way != 1);
    }
    default: return worker.hand_over();
  }
}

void Group::end_faults() {
  world_.say("all faults end");
  has_ended_ = true;
  network_.heal();
  network_.conditions = {};
  for (const auto& worker : workers_) {
    worker->disk().conditions = {};
    worker->start();
  }
  if (settings_.changes_members) targets_->repair(world_.random(), available());
}

const GroupWorker* Group::newest_leader() const {
  const GroupWorker* newest = nullptr;
  for (const auto& worker : workers_) {
    if (!worker->is_ready()) continue;
    if (newest == nullptr || worker->replica()->term() > newest->replica()->term()) newest = worker.get();
  }
  return newest;
}

bool Group::is_level(std::string& why_not) const {
  std::size_t leaders = 0;
  std::optional<std::uint64_t> applied;
  std::uint64_t state = 0;
  for (const auto& worker : workers_) {
    const std::string name = "worker " + std::to_string(worker->index());
    if (worker->is_lost()) continue;
    if (!worker->is_up()) return why_not = name + " is not up", false;
    leaders += worker->is_ready() ? 1 : 0;
    if (worker->replica() == nullptr) continue;
    const std::uint64_t own = worker->replica()->applied().value;
    if (applied && (*applied != own || state != worker->state())) {
      return why_not =
                 name + " has applied up to " + std::to_string(own) + ", another one up to " + std::to_string(*applied),
             false;
    }
    applied = own;
    state = worker->state();
  }
  why_not = std::to_string(leaders) + " leaders serve";
  return leaders == 1;
}

RunOutcome Group::run() {
  const TimePoint start = world_.now();
  for (const auto& worker : workers_) worker->start();
  schedule(milliseconds(2), milliseconds(30), [this] { some_leader().propose(); });
  const Duration pause_max = world_.random().between(milliseconds(100), milliseconds(1'500));
  schedule(milliseconds(10), pause_max, [this] { fault(); });
  if (settings_.changes_members) schedule_member_changes();
  world_.run_until(start + settings_.length);
  end_faults();
  std::string why_not;
  const TimePoint until = world_.now() + kWellWithin;
  while (!world_.violation() && !(is_settled(why_not) && is_level(why_not))) {
    if (world_.now() >= until) world_.violate("after all faults have ended: " + why_not);
    world_.run_until(world_.now() + milliseconds(100));
  }
  outcome_.trace_hash = world_.trace_hash();
  outcome_.events = world_.events();
  outcome_.simulated = world_.now() - start;
  outcome_.operations = outcome_.counters.applied;
  outcome_.messages = network_.carried();
  outcome_.messages_lost = network_.lost();
  if (world_.violation()) {
    outcome_.violation = *world_.violation();
    outcome_.details = world_.trace_tail(kTraceLines);
  }
  return outcome_;
}

RunOutcome run_group(const GroupSettings& settings) { return std::make_unique<Group>(settings)->run(); }

}  // namespace trellis::sim
