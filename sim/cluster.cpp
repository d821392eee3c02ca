#include "sim/cluster.hpp"

#include <xxhash.h>

#include <algorithm>

namespace trellis::sim {

Cluster::Cluster(World& world, const ClusterShape& shape, const Mutations& mutations)
    : world_(world), shape_(shape), mutations_(mutations), network_(world), answers_(*this) {
  for (std::size_t i = 0; i < shape.workers; ++i) workers_.push_back(std::make_unique<WorkerProcess>(*this, i));
  for (std::size_t i = 0; i < shape.clients; ++i) clients_.push_back(std::make_unique<ClientProcess>(*this, i));
  for (std::size_t i = 0; i < shape.brokers; ++i) brokers_.push_back(std::make_unique<BrokerProcess>(*this, i));
  history_.partitions = shape.partitions;
}

void Cluster::start() {
  for (const auto& broker : brokers_) broker->start();
  for (const auto& worker : workers_) worker->start();
  for (const auto& client : clients_) client->start();
}

std::vector<std::string> Cluster::worker_addresses() const {
  std::vector<std::string> addresses;
  for (const auto& worker : workers_) addresses.push_back(worker->address());
  return addresses;
}

WorkerProcess* Cluster::worker_at(const std::string& address) {
  const auto at =
      std::find_if(workers_.begin(), workers_.end(), [&](const auto& worker) { return worker->address() == address; });
  return at == workers_.end() ? nullptr : at->get();
}

void Cluster::on_leader(PartitionId partition, Term term, std::size_t worker) {
  const auto [at, is_new] = leaders_.try_emplace({partition, term}, worker);
  if (is_new) {
    ++counters_.leaders;
    world_.note("leader of partition in term", worker, partition.value, term.value);
  }
  if (at->second == worker) return;
  world_.violate("partition " + std::to_string(partition.value) + " has two leaders in term " +
                 std::to_string(term.value) + ": workers " + std::to_string(at->second) + " and " +
                 std::to_string(worker));
}

void Cluster::on_applied(PartitionId partition, LogIndex index, std::string_view command, std::size_t worker) {
  const std::uint64_t hash = XXH3_64bits(command.data(), command.size());
  world_.note("worker applies", worker, static_cast<std::uint64_t>(partition.value) << 48 | index.value, hash);
  ++counters_.applied;
  const auto [at, is_new] = applied_[partition].try_emplace(index.value, hash);
  if (at->second == hash) return;
  world_.violate("partition " + std::to_string(partition.value) + ", entry " + std::to_string(index.value) +
                 ": worker " + std::to_string(worker) + " applies another entry than was applied before");
}

void Cluster::on_sessions(PartitionId partition, const SessionTable& sessions, std::size_t worker) {
  const SessionLimits& limits = shape_.sessions;
  const auto judge = [&](std::size_t held, std::size_t allowed, const char* what) {
    if (held <= allowed) return;
    world_.violate("partition " + std::to_string(partition.value) + ": worker " + std::to_string(worker) +
                   " remembers " + std::to_string(held) + what + ", " + std::to_string(allowed) + " are allowed");
  };
  for (const SessionBook* const book : {&sessions.brokers(), &sessions.clients()}) {
    judge(book->writes().size(), limits.writes_max, " writes");
    judge(book->writes().content_bytes(), limits.content_total_max, " bytes of answers");
    judge(book->floors().size(), limits.sessions_max, " sessions with floors");
  }
}

bool Cluster::is_level(std::string& why_not) const {
  for (std::uint32_t i = 0; i < shape_.partitions; ++i) {
    const PartitionId id{i};
    const std::string name = "partition " + std::to_string(i);
    std::optional<std::uint64_t> applied;
    std::size_t leaders = 0;
    std::size_t keys = 0;
    std::size_t bytes = 0;
    for (const auto& worker : workers_) {
      if (worker->shard() == nullptr) {
        why_not = worker->name() + " is not up";
        return false;
      }
      const auto& partitions = worker->shard()->partitions();
      const auto at = partitions.find(id);
      if (at == partitions.end()) continue;
      const Replica& replica = at->second->replica();
      leaders += replica.is_ready() ? 1 : 0;
      const StateMachine& state = at->second->state();
      if (applied && *applied != replica.applied().value) {
        why_not = name + ": replicas have applied up to " + std::to_string(*applied) + " and " +
                  std::to_string(replica.applied().value);
        return false;
      }
      if (applied && (keys != state.keys() || bytes != state.bytes())) {
        why_not = name + ": replicas that have applied the same hold different documents";
        return false;
      }
      applied = replica.applied().value;
      keys = state.keys();
      bytes = state.bytes();
    }
    if (leaders != 1) {
      why_not = name + " has " + std::to_string(leaders) + " leaders that serve";
      return false;
    }
  }
  return true;
}

}  // namespace trellis::sim
