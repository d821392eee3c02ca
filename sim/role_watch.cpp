#include "sim/role_watch.hpp"

#include <algorithm>

#include "protocol/access/access_records.hpp"
#include "protocol/check.hpp"
#include "protocol/packed.hpp"
#include "sim/cluster.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

constexpr Duration kPauseMin = milliseconds(20);
constexpr Duration kPauseMax = milliseconds(1'500);
constexpr milliseconds kTimeout{1'000};
/// What was asked for so long ago is asked for again: its client may have been killed.
constexpr Duration kAgainAfter = milliseconds(1'500);
constexpr Duration kAgainSoon = milliseconds(30);
constexpr Duration kHoldsWithin = milliseconds(1'000);
constexpr std::uint64_t kFirstVersion = 1;
/// The session under which a change is asked for again and again.
constexpr std::string_view kAdministrator = "administrator";

}  // namespace

RoleWatch::RoleWatch(Cluster& cluster) : cluster_(cluster), changes_{{first_role_state(), cluster.world().now()}} {}

void RoleWatch::begin() { change_later(); }

void RoleWatch::change_later() {
  World& world = cluster_.world();
  world.after(world.random().between(kPauseMin, kPauseMax), [this] {
    if (!is_finishing_) change();
  });
}

RoleState RoleWatch::next_state() {
  Random& random = cluster_.world().random();
  RoleState next = changes_.back().state;
  if (!next.guest) {
    next.guest = next_guest_++;
    return next;
  }
  if (random.chance(0.15)) {
    next.guest.reset();
    return next;
  }
  if (random.chance(0.25)) {
    next.role = random.pick(std::vector<std::string>{std::string(kGuests), "reader", "writer"});
  } else {
    next.rules = draw_rules(random);
  }
  return next;
}

std::pair<Command, std::string> RoleWatch::command_to(const RoleState& before, const RoleState& after) const {
  std::string arguments;
  PackedWriter writer(arguments);
  if (before.guest && !after.guest) {
    writer.array(1).str(kGuest);
    return {Command::kUserRemove, arguments};
  }
  if (!before.guest) {
    writer.array(3).str(kGuest).bin(guest_key()).str(after.role);
    return {Command::kUserAdd, arguments};
  }
  if (before.role != after.role) {
    writer.array(2).str(kGuest).str(after.role);
    return {Command::kUserRole, arguments};
  }
  writer.array(2).str(kGuests).map(3);
  pack_role_fields({std::string(kGuests), after.rules, ClusterRight::kRead, false}, arguments);
  return {Command::kRoleSet, arguments};
}

void RoleWatch::change() {
  RoleState next = next_state();
  const auto [command, arguments] = command_to(changes_.back().state, next);
  changes_.push_back({std::move(next), std::nullopt});
  cluster_.world().note("users or roles are to change, which makes the version", changes_.size());
  ask(command, arguments);
}

void RoleWatch::ask(Command command, const std::string& arguments) {
  const std::size_t version = changes_.size();
  const auto is_open = [this, version] { return changes_.size() == version && !changes_.back().acknowledged; };
  const auto again = [this, command, arguments, is_open, number = ++asked_] {
    if (is_open() && number == asked_) ask(command, arguments);
  };
  Options options;
  options.timeout = kTimeout;
  options.session = kAdministrator;
  options.seq = version;
  cluster_.client(0).ask(command, arguments, options, [this, is_open, again](const Reply& reply) {
    if (!is_open()) return;
    on_answer(reply);
    if (is_open()) cluster_.world().after(kAgainSoon, again);
  });
  cluster_.world().after(kAgainAfter, again);
}

void RoleWatch::on_answer(const Reply& reply) {
  switch (reply.status) {
    case Code::kOk: return on_acknowledged();
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
    case Code::kResourceExhausted: return;
    default: break;
  }
  cluster_.world().violate("a change of users and roles is answered " + std::string(name_of(reply.status)) + ": " +
                           std::string(reply.info.message));
}

void RoleWatch::on_acknowledged() {
  changes_.back().acknowledged = cluster_.world().now();
  change_later();
}

void RoleWatch::on_users(std::size_t broker, std::uint64_t version) {
  const std::string who = "broker " + std::to_string(broker);
  std::uint64_t& known = known_[broker];
  if (version < known) cluster_.world().violate(who + " goes back to earlier users and roles");
  if (version < kFirstVersion || version > changes_.size()) {
    cluster_.world().violate(who + " has version " + std::to_string(version) + " of users and roles, and only " +
                             std::to_string(changes_.size()) + " were asked for");
  }
  known = version;
}

void RoleWatch::check_that_changes_hold(std::size_t broker) {
  const Cluster& cluster = cluster_;
  const Duration drift = kHoldsWithin * cluster.shape().clock_drift / 1'000'000;
  const TimePoint then = cluster_.world().now() - kHoldsWithin - drift;
  if (!cluster_.answers().is_all_well_since(then)) return;
  const auto holds = std::find_if(changes_.rbegin(), changes_.rend(), [then](const Change& change) {
    return change.acknowledged && *change.acknowledged <= then;
  });
  const auto version = static_cast<std::uint64_t>(changes_.rend() - holds);
  if (known_[broker] >= version) return;
  cluster_.world().violate("broker " + std::to_string(broker) + " has version " + std::to_string(known_[broker]) +
                           " of users and roles, and version " + std::to_string(version) +
                           " was acknowledged more than a second ago");
}

void RoleWatch::on_request(std::size_t broker, const SimulatedClient& client, std::uint64_t id, std::uint64_t user) {
  check_that_changes_hold(broker);
  spans_[{client.index, id}] = {user, known_[broker], known_[broker]};
}

void RoleWatch::on_reply(std::size_t broker, const SimulatedClient& client, std::uint64_t id) {
  const auto at = spans_.find({client.index, id});
  if (at != spans_.end()) at->second.last = known_[broker];
}

void RoleWatch::check_end() {
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    const Shard* const shard = cluster_.worker(i).shard();
    if (shard == nullptr || !shard->partitions().contains(PartitionId{0})) continue;
    const auto& held = shard->partitions().at(PartitionId{0})->state().system().access;
    const std::string who = cluster_.worker(i).name() + ", in the end: ";
    const std::uint64_t least = changes_.size() - (changes_.back().acknowledged ? 0 : 1);
    if (held == nullptr || held->version < least || held->version > changes_.size()) {
      return cluster_.world().violate(who + "users and roles of another version than were acknowledged");
    }
    const RoleState& right = changes_[held->version - kFirstVersion].state;
    const User* const guest = held->find_user(kGuest);
    const bool is_right =
        right.guest ? guest != nullptr && guest->number == *right.guest && guest->role == right.role : guest == nullptr;
    const Role* const guests = held->find_role(kGuests);
    if (!is_right || guests == nullptr || guests->rules != right.rules) {
      return cluster_.world().violate(who + "other users and roles than were acknowledged");
    }
  }
}

const char* RoleWatch::wrong(std::size_t raw_client, std::uint64_t id, const Wrong& wrong_by) const {
  const auto at = spans_.find({raw_client, id});
  CHECK(at != spans_.end());
  const Span& span = at->second;
  const char* why = "it was let in before users were known";
  for (std::uint64_t version = std::max(span.first, kFirstVersion); version <= span.last; ++version) {
    why = wrong_by(changes_.at(version - kFirstVersion).state, span.user);
    if (why == nullptr) return nullptr;
  }
  return why;
}

}  // namespace trellis::sim
