#include "sim/group.hpp"

#include <xxhash.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/check.hpp"
#include "protocol/packed.hpp"
#include "sim/disk.hpp"
#include "sim/mutations/omitted_rules.hpp"
#include "sim/network.hpp"
#include "sim/world.hpp"
#include "worker/raft/replica.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

constexpr PartitionId kGroup{0};
constexpr milliseconds kTick{15};
constexpr Duration kWellWithin = std::chrono::seconds(20);
constexpr std::size_t kTraceLines = 150;
constexpr std::size_t kVotersUsual = 3;
constexpr std::size_t kMembersMax = 5;

WorkerId id_of(std::size_t member) { return WorkerId{member + 1}; }

class Group;

/// One replica: its disk, its lives, and in each of them the replica's host and owner.
class Member final : public ReplicaHost, public ReplicaOwner {
 public:
  Member(Group& group, std::size_t index);

  void bootstrap(const std::vector<WorkerId>& voters);
  void start();
  void crash(bool power_cut);
  void restart_within(Duration time);
  void pause(Duration time);
  void receive(RaftMessage message);
  void propose();
  void change_members();
  void hand_over();
  bool is_up() const { return replica_ != nullptr; }
  std::size_t index() const { return index_; }
  const Replica& replica() const { return *replica_; }
  Disk& disk() { return disk_; }
  std::uint64_t state() const { return state_; }

  // ReplicaHost
  LogStore& log_store() override { return disk_; }
  BatchNumber collecting_batch() const override { return collecting_; }
  BatchNumber durable_batch() const override { return durable_; }
  TimePoint now() const override;
  std::uint64_t random() override;
  void send(WorkerId to, RaftMessage message, BatchNumber after) override;
  void run_in_background(std::function<void()> work, std::function<void()> done) override;
  void wake(PartitionId) override { is_woken_ = true; }

  // ReplicaOwner
  Result<void> apply(LogIndex index, std::string_view command) override;
  std::unique_ptr<SnapshotJob> freeze(LogIndex index, Term term) override;
  Result<void> restore(std::string_view descriptor) override;
  void on_snapshot_recorded(std::string_view) override {}
  void on_snapshot_failed(const Error&) override {}
  void on_leader(Term term) override;
  void on_step_down() override {}

 private:
  /// Something happens to this life, now or when it is not paused any more.
  void turn(std::function<void()> what);
  void end_turn();
  void take_durable();
  void tick_later();

  Group& group_;
  World& world_;
  std::size_t index_;
  Disk disk_;
  std::uint64_t life_ = 0;
  TimePoint paused_until_;
  std::unique_ptr<Replica> replica_;
  BatchNumber collecting_ = 1;
  BatchNumber under_way_ = 0;
  BatchNumber durable_ = 0;
  std::multimap<BatchNumber, std::pair<WorkerId, RaftMessage>> held_;
  bool is_woken_ = false;
  std::uint64_t applied_ = 0;
  std::uint64_t state_ = 0;  ///< A hash over all commands applied.
};

class Group {
 public:
  explicit Group(const GroupSettings& settings);
  RunOutcome run();

  World& world() { return world_; }
  Network& network() { return network_; }
  const GroupSettings& settings() const { return settings_; }
  const ReplicaSettings& replica_settings() const { return replica_settings_; }
  Member& member(WorkerId id) { return *members_[id.value - 1]; }
  std::size_t size() const { return members_.size(); }
  Counters& counters() { return outcome_.counters; }
  bool has_ended() const { return has_ended_; }

  void on_leader(std::size_t member, Term term);
  void on_applied(std::size_t member, std::uint64_t index, std::string_view command, std::uint64_t state);
  void on_restored(std::uint64_t index, std::uint64_t state);

 private:
  void schedule(Duration least, Duration most, std::function<void()> what);
  void fault();
  void cut_for_a_while(std::size_t member, bool outward, bool inward);
  Member& some_member() { return *members_[world_.random().below(members_.size())]; }
  Member& some_leader();
  void end_faults();
  bool is_level(std::string& why_not) const;

  GroupSettings settings_;
  World world_;
  Network network_;
  ReplicaSettings replica_settings_;
  std::vector<std::unique_ptr<Member>> members_;
  bool has_ended_ = false;
  std::map<std::uint64_t, std::size_t> leaders_;
  struct Applied {
    std::uint64_t command;
    std::uint64_t state;
  };
  std::map<std::uint64_t, Applied> applied_;
  RunOutcome outcome_;
};

Member::Member(Group& group, std::size_t index)
    : group_(group), world_(group.world()), index_(index), disk_(group.world(), group.settings().mutations) {
  disk_.on_written = [this] { turn([] {}); };
}

TimePoint Member::now() const { return world_.now(); }
std::uint64_t Member::random() { return world_.random().bits(); }

void Member::bootstrap(const std::vector<WorkerId>& voters) {
  Replica::bootstrap(disk_, kGroup, voters);
  disk_.write_at_once();
}

void Member::start() {
  if (is_up()) return;
  ++life_;
  world_.note("starts", index_, life_);
  collecting_ = 1;
  under_way_ = durable_ = 0;
  applied_ = state_ = 0;
  paused_until_ = world_.now();
  ReplicaSettings settings = group_.replica_settings();
  settings.self = id_of(index_);
  replica_ = std::make_unique<Replica>(kGroup, settings, *this, *this);
  if (auto started = replica_->start(); !started) {
    return world_.violate("member " + std::to_string(index_) + " cannot start: " + started.error().message);
  }
  turn([] {});
  tick_later();
}

void Member::crash(bool power_cut) {
  if (!is_up()) return;
  world_.note(power_cut ? "loses power" : "is killed", index_, life_);
  ++life_;
  replica_.reset();
  disk_.crash(power_cut);
  held_.clear();
}

void Member::restart_within(Duration time) {
  world_.after(world_.random().between(Duration(1'000), time), [this] { start(); });
}

void Member::pause(Duration time) {
  world_.note("is paused", index_, static_cast<std::uint64_t>(time.count()));
  paused_until_ = std::max(paused_until_, world_.now() + time);
}

void Member::turn(std::function<void()> what) {
  if (!is_up()) return;
  if (world_.now() < paused_until_) {
    return world_.at(paused_until_, [this, life = life_, what = std::move(what)] {
      if (life == life_) turn(what);
    });
  }
  take_durable();
  what();
  end_turn();
}

void Member::take_durable() {
  if (!disk_.is_writing()) return;
  const auto finished = disk_.finish_write();
  if (!finished || !*finished) return;
  durable_ = under_way_;
  std::vector<std::pair<WorkerId, RaftMessage>> ready;
  while (!held_.empty() && held_.begin()->first <= durable_) {
    ready.push_back(std::move(held_.begin()->second));
    held_.erase(held_.begin());
  }
  for (auto& [to, message] : ready) send(to, std::move(message), 0);
  is_woken_ = true;
}

void Member::end_turn() {
  for (int rounds = 0; std::exchange(is_woken_, false) && rounds < 100; ++rounds) replica_->settle();
  if (const auto failure = replica_->failure()) {
    return world_.violate("member " + std::to_string(index_) + " stops: " + *failure);
  }
  if (replica_->is_leader()) group_.on_leader(index_, replica_->term());
  if (replica_->is_snapshot_due(0)) replica_->take_snapshot();
  if (disk_.is_writing() || !disk_.has_collected()) return;
  replica_->collect_commit_hint();
  under_way_ = collecting_++;
  disk_.start_write();
}

void Member::tick_later() {
  world_.after(kTick, [this, life = life_] {
    if (life != life_) return;
    if (world_.now() >= paused_until_) turn([this] { replica_->tick(); });
    tick_later();
  });
}

void Member::send(WorkerId to, RaftMessage message, BatchNumber after) {
  if (!is_up()) return;
  if (after > durable_) {
    held_.emplace(after, std::pair(to, std::move(message)));
    return;
  }
  message.from = id_of(index_);
  world_.note("says", index_ << 8 | to.value, static_cast<std::uint64_t>(message.kind) << 32 | message.term,
              message.index);
  Member& peer = group_.member(to);
  group_.network().carry(static_cast<ProcessNumber>(index_), static_cast<ProcessNumber>(to.value - 1),
                         message.body.size(), [&peer, message = std::move(message)] { peer.receive(message); });
}

void Member::receive(RaftMessage message) {
  turn([this, message = std::move(message)] {
    if (message.kind == RaftMessageKind::kInstallSnapshot && !replica_->can_install()) return;
    replica_->receive(message);
    is_woken_ = true;
  });
}

void Member::run_in_background(std::function<void()> work, std::function<void()> done) {
  work();
  world_.after(world_.random().between(Duration(500), Duration(200'000)), [this, life = life_, done = std::move(done)] {
    if (life == life_)
      turn([this, done] {
        done();
        is_woken_ = true;
      });
  });
}

Result<void> Member::apply(LogIndex index, std::string_view command) {
  if (index.value <= applied_) {
    world_.violate("member " + std::to_string(index_) + " applies entry " + std::to_string(index.value) + " again");
  }
  applied_ = index.value;
  state_ = XXH3_64bits_withSeed(command.data(), command.size(), state_);
  group_.on_applied(index_, applied_, command, state_);
  return {};
}

std::unique_ptr<SnapshotJob> Member::freeze(LogIndex, Term) {
  struct Job final : SnapshotJob {
    explicit Job(std::string made) : descriptor(std::move(made)) {}
    Result<std::string> write() override { return descriptor; }
    std::string descriptor;
  };
  std::string descriptor;
  PackedWriter(descriptor).array(2).natural(applied_).natural(state_);
  return std::make_unique<Job>(std::move(descriptor));
}

Result<void> Member::restore(std::string_view descriptor) {
  PackedReader reader(descriptor);
  CHECK(reader.read_array() == 2u);
  applied_ = *reader.read_uint();
  state_ = *reader.read_uint();
  world_.note("snapshot restored", index_, applied_, state_);
  ++group_.counters().installs;
  group_.on_restored(applied_, state_);
  return {};
}

void Member::on_leader(Term term) { group_.on_leader(index_, term); }

void Member::propose() {
  turn([this] {
    if (!replica_->can_propose()) return;
    std::vector<CommandBuffer> commands;
    for (std::uint64_t left = world_.random().below(3) + 1; left > 0; --left) {
      const std::uint64_t bits = world_.random().bits();
      CommandBuffer command(sizeof bits);
      std::copy_n(reinterpret_cast<const char*>(&bits), sizeof bits, command.data());
      commands.push_back(std::move(command));
    }
    replica_->propose(std::move(commands));
    is_woken_ = true;
  });
}

void Member::hand_over() {
  turn([this] {
    if (replica_->is_ready()) static_cast<void>(replica_->transfer_to(id_of(world_.random().below(group_.size()))));
    is_woken_ = true;
  });
}

void Member::change_members() {
  turn([this] {
    if (!replica_->is_ready() || replica_->is_transferring()) return;
    Random& random = world_.random();
    const WorkerId who = id_of(random.below(group_.size()));
    MemberChange change = MemberChange::kAdd;
    if (replica_->is_voter(who)) {
      if (replica_->voters().size() == 1) return;
      change = MemberChange::kRemove;
    } else if (replica_->is_member(who)) {
      // A lone voter that restarts before the second one has heard of its part would wait for its vote for ever.
      if (replica_->voters().size() == 1) return;
      change = random.chance(0.8) ? MemberChange::kPromote : MemberChange::kRemove;
    }
    if (!replica_->change(change, who)) return;
    world_.note("members change", index_, static_cast<std::uint64_t>(change), who.value);
    ++group_.counters().members_changed;
    is_woken_ = true;
  });
}

Group::Group(const GroupSettings& settings) : settings_(settings), world_(settings.seed), network_(world_) {
  if (settings.prints_trace) world_.print_all();
  Random& random = world_.random();
  replica_settings_.snapshot_log_bytes = static_cast<std::uint64_t>(2'000) << random.below(6);
  replica_settings_.tail_bytes = random.chance(0.5) ? 1 : replica_settings_.snapshot_log_bytes / 4;
  replica_settings_.install_timeout = milliseconds(1'000);
  replica_settings_.omitted = omitted_rules(settings_.mutations);
  replica_settings_.hears_strangers = settings.changes_members;
  network_.conditions.delay_max = random.chance(0.5) ? milliseconds(2) : milliseconds(60);
  network_.conditions.loss = random.chance(0.5) ? 0 : 0.05;
  network_.conditions.doubling = random.chance(0.5) ? 0 : 0.05;
  network_.conditions.overtaking = random.chance(0.5) ? 0 : 0.1;
  network_.conditions.overtaken_by = random.chance(0.5) ? milliseconds(100) : milliseconds(2'000);
  const Duration sync_max = random.chance(0.3)   ? milliseconds(2)
                            : random.chance(0.5) ? milliseconds(60)
                                                 : milliseconds(900);
  std::vector<WorkerId> voters;
  const std::size_t count =
      random.chance(0.5) ? kVotersUsual : static_cast<std::size_t>(random.between(1, kMembersMax));
  for (std::size_t i = 0; i < count; ++i) voters.push_back(id_of(i));
  for (std::size_t i = 0; i < (settings.changes_members ? kMembersMax : count); ++i) {
    members_.push_back(std::make_unique<Member>(*this, i));
    members_.back()->disk().conditions.sync_max = sync_max;
    members_.back()->bootstrap(voters);
  }
}

void Group::on_leader(std::size_t member, Term term) {
  const auto [at, is_new] = leaders_.try_emplace(term.value, member);
  if (is_new) {
    ++outcome_.counters.leaders;
    world_.note("leads term", member, term.value);
  }
  if (at->second == member) return;
  world_.violate("two leaders in term " + std::to_string(term.value) + ": members " + std::to_string(at->second) +
                 " and " + std::to_string(member));
}

void Group::on_applied(std::size_t member, std::uint64_t index, std::string_view command, std::uint64_t state) {
  const std::uint64_t hash = XXH3_64bits(command.data(), command.size());
  world_.note("applies", member, index, hash);
  ++outcome_.counters.applied;
  const auto [at, is_new] = applied_.try_emplace(index, Applied{hash, state});
  if (at->second.command == hash && at->second.state == state) return;
  const std::string what = at->second.command == hash ? "differs from others at entry "
                                                      : "applies another entry than was applied before at ";
  world_.violate("member " + std::to_string(member) + " " + what + std::to_string(index));
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

Member& Group::some_leader() {
  std::vector<Member*> leaders;
  for (const auto& member : members_) {
    if (member->is_up() && member->replica().is_leader()) leaders.push_back(member.get());
  }
  return leaders.empty() ? some_member() : *world_.random().pick(leaders);
}

void Group::cut_for_a_while(std::size_t member, bool outward, bool inward) {
  world_.note("is cut off", member, outward, inward);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (outward) network_.cut(static_cast<ProcessNumber>(member), static_cast<ProcessNumber>(i));
    if (inward) network_.cut(static_cast<ProcessNumber>(i), static_cast<ProcessNumber>(member));
  }
  world_.after(world_.random().between(milliseconds(50), milliseconds(2'500)), [this] { network_.heal(); });
}

void Group::fault() {
  Random& random = world_.random();
  Counters& counters = outcome_.counters;
  Member& member = random.chance(0.5) ? some_leader() : some_member();
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      ++counters.crashes;
      member.crash(random.chance(0.5));
      return member.restart_within(random.chance(0.5) ? milliseconds(30) : milliseconds(2'500));
    case 3: ++counters.pauses; return member.pause(random.between(milliseconds(50), milliseconds(2'500)));
    case 4:
    case 5:
    case 6: {
      const std::uint64_t way = random.below(4);
      ++counters.cuts;
      return cut_for_a_while(member.index(), way != 0, way != 1);
    }
    default: return member.hand_over();
  }
}

void Group::end_faults() {
  world_.say("all faults end");
  has_ended_ = true;
  network_.heal();
  network_.conditions = {};
  for (const auto& member : members_) {
    member->disk().conditions = {};
    member->start();
  }
}

bool Group::is_level(std::string& why_not) const {
  std::size_t leaders = 0;
  std::optional<std::uint64_t> applied;
  std::uint64_t state = 0;
  std::vector<WorkerId> voters;
  for (const auto& member : members_) {
    if (member->is_up() && member->replica().is_ready()) voters = member->replica().voters();
  }
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const Member& member = *members_[i];
    if (!member.is_up()) return why_not = "member " + std::to_string(i) + " is not up", false;
    leaders += member.replica().is_ready() ? 1 : 0;
    if (std::find(voters.begin(), voters.end(), id_of(i)) == voters.end()) continue;
    if (applied && (*applied != member.replica().applied().value || state != member.state())) {
      return why_not = "member " + std::to_string(i) + " has applied up to " +
                       std::to_string(member.replica().applied().value) + ", another one up to " +
                       std::to_string(*applied),
             false;
    }
    applied = member.replica().applied().value;
    state = member.state();
  }
  why_not = std::to_string(leaders) + " leaders serve";
  return leaders == 1;
}

RunOutcome Group::run() {
  const TimePoint start = world_.now();
  for (const auto& member : members_) member->start();
  schedule(milliseconds(2), milliseconds(30), [this] { some_leader().propose(); });
  const Duration pause_max = world_.random().between(milliseconds(100), milliseconds(1'500));
  schedule(milliseconds(10), pause_max, [this] { fault(); });
  if (settings_.changes_members) {
    schedule(milliseconds(10), milliseconds(300), [this] { some_leader().change_members(); });
  }
  world_.run_until(start + settings_.length);
  end_faults();
  std::string why_not;
  const TimePoint until = world_.now() + kWellWithin;
  while (!world_.violation() && !is_level(why_not)) {
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

}  // namespace

RunOutcome run_group(const GroupSettings& settings) { return std::make_unique<Group>(settings)->run(); }

}  // namespace trellis::sim
