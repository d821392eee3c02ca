#include "sim/group/group_worker.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>

#include "protocol/check.hpp"
#include "protocol/packed.hpp"
#include "sim/group/group_run.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{15};

}  // namespace

GroupWorker::GroupWorker(Group& group, std::size_t index)
    : group_(group), world_(group.world()), index_(index), disk_(group.world(), group.settings().mutations, 1) {
  disk_.on_written = [this] { turn([] {}); };
}

void GroupWorker::found(ReplicaId replica, const std::vector<ReplicaPlace>& voters) {
  CHECK(disk_.open_log());
  Replica::bootstrap(disk_.log(), kGroup, voters);
  disk_.log().put(records::local_replica_name(kGroup), records::pack(records::LocalReplica{replica, 0, 0, {}}));
  disk_.write_at_once();
  disk_.crash(false);
}

void GroupWorker::start() {
  if (is_up_ || is_lost_) return;
  is_up_ = true;
  ++incarnation_;
  world_.note("starts", index_, incarnation_);
  collecting_ = 1;
  under_way_ = durable_ = opening_after_ = 0;
  paused_until_ = leader_heard_ = world_.now();
  for (std::size_t i = 0; i < group_.size(); ++i) heard_[worker_id_of(i)] = world_.now();
  if (auto opened = disk_.open_log(); !opened) {
    return world_.violate("worker " + std::to_string(index_) + " cannot start: " + opened.error().message);
  }
  const auto stored = disk_.log().get(records::local_replica_name(kGroup));
  CHECK(stored);
  local_ = *stored ? *records::read_local_replica(**stored) : records::LocalReplica{};
  if (local_.held.value != 0) open_replica();
  turn([] {});
  tick_later();
}

void GroupWorker::open_replica() {
  opening_after_ = 0;
  applied_ = state_ = followed_ = 0;
  ReplicaSettings settings = group_.replica_settings();
  settings.self = {local_.held, id()};
  replica_ = std::make_unique<Replica>(kGroup, settings, *this, *this);
  if (auto started = replica_->start(); !started) {
    world_.violate("worker " + std::to_string(index_) + " cannot start: " + started.error().message);
  }
}

void GroupWorker::crash(bool power_cut) {
  if (!is_up_) return;
  world_.note(power_cut ? "loses power" : "is killed", index_, incarnation_);
  is_up_ = false;
  ++incarnation_;
  replica_.reset();
  disk_.crash(power_cut);
  held_.clear();
  // The newest copy of the map may have come too late for the disk.
  if (map_ > 1 && world_.random().chance(0.2)) --map_;
}

void GroupWorker::lose() {
  crash(true);
  is_lost_ = true;
  world_.note("is lost for good", index_);
}

void GroupWorker::restart_within(Duration time) {
  world_.after(world_.random().between(Duration(1'000), time), [this] { start(); });
}

void GroupWorker::pause(Duration time) {
  world_.note("is paused", index_, static_cast<std::uint64_t>(time.count()));
  paused_until_ = std::max(paused_until_, world_.now() + time);
}

void GroupWorker::turn(std::function<void()> what) {
  if (!is_up_) return;
  if (is_paused()) {
    return world_.at(paused_until_, [this, incarnation = incarnation_, what = std::move(what)] {
      if (incarnation == incarnation_) turn(what);
    });
  }
  take_durable();
  what();
  end_turn();
}

void GroupWorker::take_durable() {
  if (!disk_.log().is_writing()) return;
  const auto finished = disk_.log().finish_write();
  if (!finished || !*finished) return;
  durable_ = under_way_;
  if (opening_after_ != 0 && opening_after_ <= durable_) open_replica();
  std::vector<std::pair<ReplicaPlace, RaftMessage>> ready;
  while (!held_.empty() && held_.begin()->first <= durable_) {
    ready.push_back(std::move(held_.begin()->second));
    held_.erase(held_.begin());
  }
  for (auto& [to, message] : ready) send(to, std::move(message), 0);
  is_woken_ = true;
}

void GroupWorker::end_turn() {
  if (replica_ != nullptr) {
    for (int rounds = 0; std::exchange(is_woken_, false) && rounds < 100; ++rounds) replica_->settle();
    if (const auto failure = replica_->failure()) {
      return world_.violate("worker " + std::to_string(index_) + " stops: " + *failure);
    }
    if (replica_->is_leader()) group_.on_leader(index_, replica_->term());
    if (replica_->is_snapshot_due(0)) replica_->take_snapshot(true);
  }
  if (disk_.log().is_writing() || !disk_.log().has_collected()) return;
  if (replica_ != nullptr) replica_->collect_commit_hint();
  under_way_ = collecting_++;
  disk_.log().start_write();
}

void GroupWorker::tick_later() {
  world_.after(kTick, [this, incarnation = incarnation_] {
    if (incarnation != incarnation_) return;
    const auto tick = [this] {
      disk_.log().on_tick(world_.now(), 0);
      if (replica_ != nullptr) replica_->tick();
    };
    if (!is_paused()) turn(tick);
    tick_later();
  });
}

void GroupWorker::send(const ReplicaPlace& to, RaftMessage message, BatchNumber after) {
  if (!is_up_) return;
  if (after > durable_) {
    held_.emplace(after, std::pair(to, std::move(message)));
    return;
  }
  message.from.worker = id();
  world_.note("says", index_ << 8 | index_of(to.worker), static_cast<std::uint64_t>(message.kind) << 32 | message.term,
              message.index);
  const std::size_t size = message.body.size();
  group_.carry(index_, index_of(to.worker), size,
               [message = std::move(message)](GroupWorker& peer) { peer.receive(message); });
}

void GroupWorker::receive(RaftMessage message) {
  turn([this, message = std::move(message)] {
    heard_[message.from.worker] = world_.now();
    if (replica_ == nullptr) return;
    if (message.kind == RaftMessageKind::kAppendEntries && message.to == local_.held) leader_heard_ = world_.now();
    if (message.kind == RaftMessageKind::kInstallSnapshot && !replica_->can_install()) return;
    replica_->receive(message);
    is_woken_ = true;
  });
}

void GroupWorker::run_in_background(std::function<void()> work, std::function<void()> done) {
  work();
  world_.after(world_.random().between(Duration(500), Duration(200'000)),
               [this, incarnation = incarnation_, done = std::move(done)] {
                 if (incarnation == incarnation_)
                   turn([this, done] {
                     done();
                     is_woken_ = true;
                   });
               });
}

Result<void> GroupWorker::apply(LogIndex index, std::string_view command) {
  if (index.value <= applied_) {
    world_.violate("worker " + std::to_string(index_) + " applies entry " + std::to_string(index.value) + " again");
  }
  applied_ = index.value;
  state_ = XXH3_64bits_withSeed(command.data(), command.size(), state_);
  if (const auto version = followed_version_of(command)) {
    if (*version < followed_) world_.violate("the group follows an older version of the map than before");
    followed_ = *version;
  }
  group_.on_applied(index_, applied_, command, state_);
  return {};
}

std::unique_ptr<SnapshotJob> GroupWorker::freeze(LogIndex, Term) {
  struct Job final : SnapshotJob {
    explicit Job(std::string made) : descriptor(std::move(made)) {}
    Result<std::string> write() override { return descriptor; }
    std::string descriptor;
  };
  std::string descriptor;
  PackedWriter(descriptor).array(3).natural(applied_).natural(state_).natural(followed_);
  return std::make_unique<Job>(std::move(descriptor));
}

Result<void> GroupWorker::restore(std::string_view descriptor) {
  PackedReader reader(descriptor);
  CHECK(reader.read_array() == 3u);
  applied_ = *reader.read_uint();
  state_ = *reader.read_uint();
  followed_ = *reader.read_uint();
  world_.note("snapshot restored", index_, applied_, state_);
  ++group_.counters().installs;
  group_.on_restored(applied_, state_);
  return {};
}

void GroupWorker::on_leader(Term term) { group_.on_leader(index_, term); }

void GroupWorker::propose_one(std::string_view bytes, std::vector<CommandBuffer>& into) {
  CommandBuffer command(bytes.size());
  std::copy(bytes.begin(), bytes.end(), command.data());
  into.push_back(std::move(command));
}

void GroupWorker::propose() {
  turn([this] {
    if (replica_ == nullptr || !replica_->can_propose()) return;
    std::vector<CommandBuffer> commands;
    for (std::uint64_t left = world_.random().below(3) + 1; left > 0; --left) {
      const std::uint64_t bits = world_.random().bits();
      propose_one({reinterpret_cast<const char*>(&bits), sizeof bits}, commands);
    }
    replica_->propose(std::move(commands));
    is_woken_ = true;
  });
}

void GroupWorker::hand_over() {
  turn([this] {
    const WorkerId to = worker_id_of(world_.random().below(group_.size()));
    if (!is_ready()) return;
    if (const auto member = replica_->member_on(to)) static_cast<void>(replica_->transfer_to(member->place.id));
    is_woken_ = true;
  });
}

}  // namespace trellis::sim
