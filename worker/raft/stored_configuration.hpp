// A configuration as the library writes it into a log entry (RAFT_CHANGE), read without the library.
//
//   format u8 = 1 | count u64 | (id u64 | address, ends with a zero | role u8)*
//
// The id is a replica's, the address the id of its worker, as text.
//
// Numbers are little-endian.  The library has no public function for it.
#pragma once

#include <string_view>
#include <vector>

#include "worker/raft/log_records.hpp"

namespace trellis::records {

/// Error: the entry is damaged.
Result<std::vector<ConfigurationMember>> read_configuration_entry(std::string_view payload);

/// Whether `id` has a vote, and nobody else has.
bool is_lone_voter(const std::vector<ConfigurationMember>& members, ReplicaId id);

}  // namespace trellis::records
