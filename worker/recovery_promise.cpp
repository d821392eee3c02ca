#include "worker/recovery_promise.hpp"

#include "protocol/cluster/bundle.hpp"
#include "protocol/cluster/map_contradiction.hpp"

namespace trellis {
namespace {

// Beside the keys of worker/raft/log_records.hpp:  promised | accepted | packed plan, or nothing.
constexpr std::string_view kName = "Q";

void pack(FieldWriter& fields, const RecoveryNumber& number) {
  fields.u64(number.recovery).u64(number.attempt).u64(number.broker);
}

RecoveryNumber read_number(FieldReader& fields) {
  RecoveryNumber number;
  number.recovery = fields.u64();
  number.attempt = fields.u64();
  number.broker = fields.u64();
  return number;
}

}  // namespace

Result<RecoveryPromise> RecoveryPromise::load(LogStore& store, bool omits_all) {
  RecoveryPromise promise;
  promise.omits_all_ = omits_all;
  const auto stored = store.get(kName);
  if (!stored) return stored.error();
  if (!*stored) return promise;
  FieldReader fields(**stored);
  promise.promised_ = read_number(fields);
  promise.accepted_ = read_number(fields);
  const std::string_view packed = fields.rest();
  if (!fields.ok()) return Error{Code::kInternal, "the stored promise to a recovery is damaged"};
  if (packed.empty()) return promise;
  auto plan = read_cluster_map(packed);
  if (!plan) return Error{Code::kInternal, "the stored plan of a recovery is damaged: " + plan.error().message};
  promise.plan_ = std::move(*plan);
  return promise;
}

void RecoveryPromise::put(LogStore& store) const {
  std::string value;
  FieldWriter fields(value);
  pack(fields, promised_);
  pack(fields, accepted_);
  if (plan_) value += trellis::pack(*plan_);
  store.put(kName, value);
}

RecoveryTold RecoveryPromise::on_ask(const RecoveryAsk& ask, const ClusterMap& map, LogStore& store) {
  RecoveryTold told;
  told.number = ask.number;
  if (ask.cluster != map.cluster) {
    told.refusal = "this worker belongs to cluster " + map.cluster;
  } else if (ask.number.recovery != map.recovery + 1) {
    told.refusal = "the cluster was recovered " + std::to_string(map.recovery) + " times by now: ask again";
    told.promised = ask.number.attempt;  // Its broker will soon know.
  } else if (ask.number < promised_ && !omits_all_) {
    told.refusal = "somebody else recovers this cluster";
    told.promised = promised_.attempt;
  }
  if (!told.refusal.empty()) return told;
  if (promised_ < ask.number) {
    promised_ = ask.number;
    put(store);
  }
  told.map = trellis::pack(map);
  if (const ClusterMap* const held = omits_all_ ? nullptr : plan(map)) {
    told.accepted = accepted_;
    told.plan = trellis::pack(*held);
  }
  return told;
}

RecoveryWritten RecoveryPromise::on_plan(const RecoveryPlan& message, const ClusterMap& map, LogStore& store,
                                         const std::function<std::string(const ClusterMap&)>& objection) {
  const auto refuse = [&](const std::string& why) {
    return RecoveryWritten{message.number, 0, why.substr(0, kRecoveryTextMax)};
  };
  if (message.number != promised_ && !omits_all_) {
    return {message.number, promised_.recovery == message.number.recovery ? promised_.attempt : 0,
            "somebody else recovers this cluster"};
  }
  auto plan = read_cluster_map(message.map);
  if (!plan) return refuse(plan.error().message);
  if (plan->cluster != map.cluster || plan->recovery <= map.recovery || !is_open(map) ||
      plan->number() <= map.number()) {
    return refuse("the plan was made from an older map than this worker has");
  }
  if (const auto says = contradiction(map, *plan)) return refuse("the plan has " + *says);
  if (accepted_ == message.number) return {message.number, 0, {}};
  if (const std::string why = objection ? objection(*plan) : std::string(); !why.empty()) return refuse(why);
  accepted_ = message.number;
  plan_ = std::move(*plan);
  put(store);
  return {message.number, 0, {}};
}

}  // namespace trellis
