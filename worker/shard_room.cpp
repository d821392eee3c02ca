// Shard: how much of the disk the log takes.
#include "worker/shard.hpp"

namespace trellis {

/// The log makes room by itself, but for entries that only a snapshot can take the place of.
void Shard::look_after_room() {
  std::uint64_t documents = 0;
  for (const auto& [id, partition] : partitions_) documents += partition->state().bytes();
  store_.on_tick(now_, documents);
  const LogRoom room = store_.room();
  if (!room.holder) return;
  if (Partition* holder = find_partition(*room.holder)) holder->make_room();
}

}  // namespace trellis
