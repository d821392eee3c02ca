#include "worker/membership.hpp"

#include <algorithm>

#include "protocol/cluster/bundle.hpp"
#include "protocol/cluster/map_contradiction.hpp"
#include "worker/membership_records.hpp"
#include "worker/raft/log_records.hpp"
#include "worker/raft/replica.hpp"

namespace trellis {
namespace {

constexpr std::uint64_t kStoreFormatVersion = 3;

Result<std::optional<std::uint64_t>> read_number(LogStore& store, std::string_view key) {
  const auto value = store.get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<std::uint64_t>{};
  const auto number = records::read_number(**value);
  if (!number) return number.error();
  return std::optional<std::uint64_t>(*number);
}

std::string random_cluster_id(const RandomSource& random) {
  return to_string(WorkerId{random()}) + to_string(WorkerId{random()});
}

}  // namespace

Result<Membership> Membership::load(LogStore& store, std::string address, const RandomSource& random, bool joins) {
  const auto version = read_number(store, records::kVersionName);
  if (!version) return version.error();
  if (*version && **version != kStoreFormatVersion) {
    return Error{Code::kInternal, "the data folder has format " + std::to_string(**version) +
                                      ", this worker reads format " + std::to_string(kStoreFormatVersion) +
                                      ": bring the documents over with the software that wrote it, by `trellis "
                                      "export` there and `trellis load` into a new cluster"};
  }
  const auto identity = read_number(store, records::kIdentityName);
  if (!identity) return identity.error();
  WorkerId self{identity->value_or(0)};
  if (!*identity) {
    while (self.value == 0) self.value = random();
    store.put(records::kVersionName, records::pack_number(kStoreFormatVersion));
    store.put(records::kIdentityName, records::pack_number(self.value));
  }
  Membership membership(self, std::move(address), joins);
  const auto packed = store.get(records::kMapName);
  if (!packed) return packed.error();
  if (*packed) {
    auto map = read_cluster_map(**packed);
    if (!map && map.error().code == Code::kFailedPrecondition) return map.error();
    if (!map) return Error{Code::kInternal, "the stored cluster map is damaged: " + map.error().message};
    const Member* member = map->find(self);
    if (member != nullptr && member->address != membership.address_) {
      membership.displaced_ = "this data folder belongs to the worker at " + member->address + " of cluster " +
                              map->cluster + ", not to " + membership.address_ +
                              ": start it with that -a and -p, or give this one another --data";
    }
    membership.map_ = std::move(*map);
    const auto left_behind = store.get(records::kLeftBehindName);
    if (!left_behind) return left_behind.error();
    membership.is_left_behind_ = left_behind->has_value();
    membership.note_removal();
  }
  return membership;
}

Error Membership::refuse(const std::string& why) const { return {Code::kFailedPrecondition, why}; }

Result<void> Membership::on_form(const Form& form, LogStore& store, const RandomSource& random,
                                 BatchNumber collecting) {
  if (map_ || storing_) return {};  // Another broker, or the same again: the map is made once.
  const auto& workers = form.spec.workers;
  if (workers.empty() || workers.front().first != self_ || workers.front().second != address_) {
    return refuse("asked to make a cluster whose first worker this is not");
  }
  collect(make_cluster_map(random_cluster_id(random), form.spec), store, collecting);
  return {};
}

MapVersion Membership::newest_version() const {
  if (storing_) return storing_->number();
  return map_ ? map_->number() : MapVersion{};
}

Result<void> Membership::on_map_offer(const ClusterMap& offer, LogStore& store, BatchNumber collecting) {
  const ClusterMap* held = storing_ ? &*storing_ : map();
  if (held == nullptr) return take_first(offer, store, collecting);
  if (held->cluster != offer.cluster) {
    return refuse("offered the map of cluster " + offer.cluster + " while this worker belongs to " + held->cluster);
  }
  if (offer.number() < held->number()) return {};
  if (const auto says = contradiction(*held, offer)) {
    return refuse("offered a map of this cluster, version " + to_string(offer.number()) + ", with " + *says);
  }
  if (offer.number() == held->number()) return {};
  const Member* member = offer.find(self_);
  if (!offer.formed || (member != nullptr && member->address != address_)) {
    return refuse("offered the map of a cluster without this worker");
  }
  if (!held->formed) found_groups(*held, store);
  collect(offer, store, collecting);
  return {};
}

void Membership::note_offer(const ClusterMap& offer) {
  const bool is_older = offered_by_ == offer.cluster && offer.number() < offered_;
  if (is_older) return;
  offered_by_ = offer.cluster;
  offered_ = offer.number();
}

/// The first map of an empty worker: one that is being made with it, or one of a cluster that it has joined.
Result<void> Membership::take_first(const ClusterMap& offer, LogStore& store, BatchNumber collecting) {
  const Member* member = offer.find(self_);
  if (member == nullptr && joins_ && offer.formed) {
    note_offer(offer);
    return {};
  }
  if (member == nullptr || member->address != address_) {
    return refuse("offered the map of a cluster without this worker");
  }
  if (offer.formed && (!joins_ || member->since == 0)) {
    return refuse("offered the map of cluster " + offer.cluster +
                  ", which is formed already, while this worker is empty");
  }
  collect(offer, store, collecting);
  return {};
}

Result<void> Membership::on_all_hold(const AllHold& message, LogStore& store, BatchNumber collecting) {
  if (!map_ || storing_ || map_->formed) return {};
  if (message.cluster != map_->cluster || message.map_version != map_->version) return {};
  if (map_->members.front().id != self_) return {};
  ClusterMap formed = *map_;
  formed.formed = true;
  ++formed.version;
  found_groups(formed, store);
  collect(std::move(formed), store, collecting);
  return {};
}

/// The beginnings of the groups that the cluster is made with.  In one batch with the formed map, so that such a map
/// without its groups can only mean damage; whatever version of it comes first, its founders are those of the first.
void Membership::found_groups(const ClusterMap& map, LogStore& store) const {
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    const ReplicaPlace* const own = map.partitions[i].find(self_);
    if (own == nullptr) continue;
    Replica::bootstrap(store, {i}, map.partitions[i].replicas);
    store.put(records::local_replica_name({i}), records::pack(records::LocalReplica{own->id, 0, 0, {}}));
  }
}

void Membership::collect(ClusterMap map, LogStore& store, BatchNumber collecting) {
  store.put(records::kMapName, pack(map));
  if (map_ && map.recovery > map_->recovery && map.find(self_) == nullptr) {
    is_left_behind_ = true;
    store.put(records::kLeftBehindName, "1");
  }
  storing_ = std::move(map);
  storing_batch_ = collecting;
}

void Membership::note_removal() {
  if (map_->find(self_) != nullptr || removed_) return;
  removed_ =
      is_left_behind_
          ? "this worker was named as lost when cluster " + map_->cluster +
                " was recovered, and is no member any more; what it alone holds is not in the cluster, and stays "
                "in its data folder as it is; to make it a member again, start it with an empty one and --join"
          : "this worker was removed from cluster " + map_->cluster +
                ", and its data folder is not needed any more; to make it a member again, start it with an "
                "empty one and --join";
}

bool Membership::on_durable(BatchNumber durable) {
  if (!storing_ || storing_batch_ > durable) return false;
  map_ = std::move(storing_);
  storing_.reset();
  note_removal();
  return true;
}

}  // namespace trellis
