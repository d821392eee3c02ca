#include "broker/recoveries.hpp"

#include <algorithm>

#include "protocol/cluster/map_changes.hpp"

namespace trellis {
namespace {

Error refuse(std::string why) { return {Code::kFailedPrecondition, std::move(why)}; }

/// No broker comes to it by itself: it takes one that gives out numbers as it likes.
Error no_attempt_left() {
  return refuse("attempt " + std::to_string(kRecoveryAttemptMax) +
                ", the last one, was promised to something that counts as no broker does: end that, and start the "
                "workers from copies of their folders as they were before");
}

std::string in_seconds(Duration time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

MergedAnswer answer_with(const RecoveryReport& report) {
  MergedAnswer answer;
  answer.result = pack_report(report);
  return answer;
}

}  // namespace

void Recoveries::begin(Tag tag, const RecoveryArguments& wanted, bool dry_run, TimePoint deadline, TimePoint now) {
  const auto answer = [&](MergedAnswer with) { done_.emplace_back(tag, std::move(with)); };
  const ClusterMap& map = *formation_.map();
  if (!wanted.cluster.empty() && wanted.cluster != map.cluster) {
    return answer(answer_of(refuse("this is cluster " + map.cluster + ", and not " + std::string(wanted.cluster))));
  }
  Order order;
  order.tags = {tag};
  order.shows_only = dry_run || wanted.cluster.empty();
  order.deadline = deadline;
  if (auto wrong = resolve(wanted, order.lost)) return answer(answer_of(std::move(*wrong)));
  if (order.lost.empty()) return answer(answer_with(past_.report));  // It was done before.
  if (order_ && order_->lost == order.lost && order_->shows_only == order.shows_only) {
    order_->tags.push_back(tag);
    order_->deadline = std::max(order_->deadline, deadline);
    return;
  }
  if (order_) return answer(answer_of({Code::kUnavailable, "this broker recovers the cluster already: ask again"}));
  for (const Member& member : map.members) {
    if (!order.lost.contains(member.id)) order.left.push_back(member.id);
  }
  if (auto why = obstacle(order, map, now)) return answer(answer_of(std::move(*why)));
  if (attempts_ >= kRecoveryAttemptMax) return answer(answer_of(no_attempt_left()));
  order.number = {map.recovery + 1, ++attempts_, broker_.value};
  order.asked_at = now;
  order_ = std::move(order);
  say(now);
}

/// Those that are members, by their ids.  Who was left behind before is none.
std::optional<Error> Recoveries::resolve(const RecoveryArguments& wanted, std::set<WorkerId>& lost) const {
  for (const std::string_view name : wanted.lost) {
    if (const Member* const member = find_member(*formation_.map(), name)) {
      lost.insert(member->id);
    } else if (!past_.names.contains(name)) {
      return Error{Code::kNotFound, "no member " + std::string(name)};
    }
  }
  return std::nullopt;
}

std::optional<Error> Recoveries::obstacle(const Order& order, const ClusterMap& map, TimePoint now) const {
  if (order.left.empty()) return refuse("no member would be left");
  for (const WorkerId worker : order.left) {
    const bool is_there = registry_.find(worker) != nullptr && registry_.state_of(worker, now) != WorkerState::kDown;
    if (is_there) continue;
    return refuse(map.find(worker)->address + " is neither named as lost nor there: start it, or name it as well");
  }
  for (const WorkerId worker : order.lost) {
    const Duration silence = registry_.silence_of(worker, now);
    const Duration left = options_.recovery_silence - silence;
    if (left <= Duration(0)) continue;
    const std::string since = registry_.find(worker) == nullptr
                                  ? "this broker has run for " + in_seconds(silence) + " only, and cannot tell yet"
                                  : "this broker heard it " + in_seconds(silence) + " ago";
    return refuse(address_of(worker) + " may be alive: " + since + "; if it is gone for good, ask again in " +
                  in_seconds(left));
  }
  return std::nullopt;
}

std::string Recoveries::heard_lately(const std::vector<WorkerId>& lost, TimePoint now) const {
  for (const WorkerId worker : lost) {
    const bool is_member = formation_.map() != nullptr && formation_.map()->find(worker) != nullptr;
    const Duration silence = registry_.silence_of(worker, now);
    if (!is_member || registry_.find(worker) == nullptr || silence >= options_.recovery_silence) continue;
    return "one of its brokers heard " + address_of(worker) + " " + in_seconds(silence) + " ago";
  }
  return "";
}

std::string Recoveries::address_of(WorkerId worker) const {
  const Member* const member = formation_.map()->find(worker);
  return member == nullptr ? to_string(worker) : member->address;
}

/// To all that have not answered yet.
void Recoveries::say(TimePoint now) {
  order_->said_at = now;
  const auto to = [this](WorkerId id) -> BundleWriter* {
    const WorkerRecord* const worker = registry_.find(id);
    return worker == nullptr || worker->slot == nullptr ? nullptr : &outbox_.to(*worker->slot);
  };
  if (order_->step == Step::kAsking) {
    const RecoveryAsk ask{order_->number, formation_.map()->cluster, {order_->lost.begin(), order_->lost.end()}};
    for (const WorkerId id : order_->left) {
      BundleWriter* const out = order_->told.contains(id) ? nullptr : to(id);
      if (out != nullptr) add(*out, ask);
    }
  } else if (order_->step == Step::kWriting) {
    const RecoveryPlan plan{order_->number, pack(*order_->plan)};
    for (const Member& member : order_->plan->members) {
      BundleWriter* const out = order_->written.contains(member.id) ? nullptr : to(member.id);
      if (out != nullptr) add(*out, plan);
    }
  }
}

void Recoveries::on_told(WorkerId from, RecoveryTold told, TimePoint now) {
  if (!order_ || order_->step != Step::kAsking || told.number != order_->number) return;
  if (std::find(order_->left.begin(), order_->left.end(), from) == order_->left.end()) return;
  if (told.promised != 0) {
    order_->outbid = std::max(order_->outbid, told.promised);
    return;
  }
  if (!told.refusal.empty()) return fail(refuse(address_of(from) + " says: " + told.refusal));
  order_->told[from] = std::move(told);
  if (order_->told.size() == order_->left.size()) make_plan(now);
}

void Recoveries::make_plan(TimePoint now) {
  std::vector<MemberAccount> accounts;
  const RecoveryTold* newest = nullptr;
  for (const auto& [worker, told] : order_->told) {
    auto map = read_cluster_map(told.map);
    if (!map) return fail({Code::kInternal, address_of(worker) + ": " + map.error().message});
    accounts.push_back({worker, std::move(*map), told.ends});
    const bool is_newer = newest == nullptr || newest->accepted < told.accepted;
    if (!told.plan.empty() && is_newer) newest = &told;
  }
  const ClusterMap before = newest_map(accounts);
  ClusterMap base = before;
  bool is_carried_on = false;
  if (newest != nullptr) {
    auto held = read_cluster_map(newest->plan);
    if (!held) return fail({Code::kInternal, "a plan that was written down before: " + held.error().message});
    // One that a member lacks has not been decided, and never will be: then what all have now counts.
    bool may_be_decided = true;
    is_carried_on = true;
    for (const Member& member : held->members) {
      const auto told = order_->told.find(member.id);
      if (told == order_->told.end()) {
        is_carried_on = false;
      } else if (told->second.plan != newest->plan) {
        may_be_decided = false;
      }
    }
    if (may_be_decided) base = std::move(*held);
    is_carried_on = is_carried_on && may_be_decided;
  }
  const PlanRules rules{options_.omitted.freshest, options_.omitted.equal_plans};
  auto plan = is_carried_on ? Result<ClusterMap>(std::move(base)) : plan_recovery(base, accounts, order_->lost, rules);
  if (!plan) return fail(plan.error());
  order_->report = report_of(*plan, before, accounts);
  if (order_->shows_only) return end_with_report();
  order_->plan = std::move(*plan);
  order_->written.clear();
  order_->step = Step::kWriting;
  say(now);
}

void Recoveries::on_written(WorkerId from, const RecoveryWritten& written) {
  if (!order_ || order_->step != Step::kWriting || written.number != order_->number) return;
  if (order_->plan->find(from) == nullptr) return;
  if (!written.refusal.empty()) {
    // It has promised more to somebody else, or is no longer as it told: what it says when it is asked anew counts.
    order_->outbid = std::max({order_->outbid, written.promised, order_->number.attempt});
    return;
  }
  order_->written.insert(from);
  if (order_->written.size() < order_->plan->members.size()) return;
  order_->step = Step::kAdopting;
  decided_ = order_->plan;
}

/// Whether all have the map, and what was made anew is led.
bool Recoveries::is_in_force() const {
  const auto has_map = [this](const Member& member) {
    const WorkerRecord* const worker = registry_.find(member.id);
    return worker != nullptr && worker->hello.map_number() >= order_->plan->number();
  };
  const auto is_led = [this](const RecoveredReplica& recovered) {
    return std::any_of(registry_.workers().begin(), registry_.workers().end(), [&recovered](const auto& each) {
      const auto& leads = each.second->hello.leads;
      return std::any_of(leads.begin(), leads.end(), [&recovered](const Leadership& led) {
        return led.partition == recovered.partition && led.term.value > recovered.term;
      });
    });
  };
  const ClusterMap& plan = *order_->plan;
  return std::all_of(plan.members.begin(), plan.members.end(), has_map) &&
         std::all_of(plan.recovered.begin(), plan.recovered.end(), is_led);
}

void Recoveries::on_tick(TimePoint now) {
  if (!order_) return;
  if (now >= order_->deadline) return fail({Code::kDeadlineExceeded, tell_why_late()});
  if (order_->step == Step::kAdopting) {
    if (!is_in_force()) return;
    order_->report.done = true;
    past_.report = order_->report;
    return end_with_report();
  }
  // Two that outbid each other do so at different times.
  const Duration wait = kAskEvery + std::chrono::milliseconds(order_->outbid == 0 ? 0 : broker_.value % 300);
  if (now - order_->said_at < wait) return;
  if (order_->outbid != 0) {
    if (std::max(attempts_, order_->outbid) >= kRecoveryAttemptMax) return fail(no_attempt_left());
    attempts_ = std::max(attempts_, std::exchange(order_->outbid, 0)) + 1;
    order_->number.attempt = attempts_;
    order_->step = Step::kAsking;
    order_->told.clear();
    order_->asked_at = now;
  } else if (order_->step == Step::kAsking && now - order_->asked_at >= kToldFor) {
    order_->told.clear();
    order_->asked_at = now;
  }
  say(now);
}

/// Another broker may have recovered the cluster; then this one's order is done, or there is nothing left of it.
void Recoveries::on_map(const ClusterMap& map) {
  const std::optional<ClusterMap> before = std::exchange(known_, map);
  if (!before || map.recovery <= before->recovery) return;
  for (const Member& member : before->members) {
    if (map.find(member.id) != nullptr) continue;
    past_.names.insert(to_string(member.id));
    past_.names.insert(member.address);
  }
  past_.report = report_of(map, *before, {});
  past_.report.done = true;
  if (!order_ || order_->step == Step::kAdopting) return;
  const bool is_same = std::none_of(order_->lost.begin(), order_->lost.end(),
                                    [&map](WorkerId worker) { return map.find(worker) != nullptr; });
  if (!is_same) return fail(refuse("somebody else has recovered the cluster meanwhile: look at it, and ask again"));
  order_->shows_only = false;
  order_->step = Step::kAdopting;
  order_->plan = map;
  order_->report = past_.report;
}

std::string Recoveries::tell_why_late() const {
  if (order_->step == Step::kAdopting) {
    return "the plan is in force, but not all members and partitions that it names are there yet: see trellis status";
  }
  std::string missing;
  for (const WorkerId worker : order_->left) {
    const bool has_answered = order_->step == Step::kAsking
                                  ? order_->told.contains(worker)
                                  : order_->plan->find(worker) == nullptr || order_->written.contains(worker);
    if (!has_answered) missing += (missing.empty() ? "" : ", ") + address_of(worker);
  }
  return missing + (order_->step == Step::kAsking
                        ? " did not answer in time; nothing has changed: ask again"
                        : " did not write the plan down in time; it may come to be in force: ask again");
}

void Recoveries::end(const MergedAnswer& answer) {
  for (const Tag tag : order_->tags) done_.emplace_back(tag, answer);
  order_.reset();
}

void Recoveries::end_with_report() { end(answer_with(order_->report)); }

}  // namespace trellis
