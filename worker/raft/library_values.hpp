// What passes between the library's structures and ours, and how its log in memory is looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "worker/raft/library.hpp"
#include "worker/raft/log_records.hpp"

namespace trellis {

std::string_view view(const struct raft_buffer& buffer);
/// A copy that the library will free.
struct raft_buffer copy_for_library(std::string_view bytes);
records::SnapshotRecord to_record(const struct raft_snapshot& snapshot);
/// Memory of the library's, which frees it.
struct raft_snapshot* to_library(const records::SnapshotRecord& record);
/// The library wants an address for each server: the id of its worker.
std::string address_of(const ReplicaPlace& place);
ReplicaPlace place_of(raft_id id, const char* address);
/// The worker that an address names; nothing where it is no address of ours.
std::optional<WorkerId> worker_of(std::string_view address);
/// How many entries the library's in-memory log has.
std::uint64_t entries_held(const struct raft_log& log);
/// The entry at `index` of the library's in-memory log, or nullptr.
const struct raft_entry* entry_at(const struct raft& raft, raft_index index);
/// Its term; also that of the last entry a snapshot holds.  0: not known.
raft_term term_at(const struct raft& raft, raft_index index);

}  // namespace trellis
