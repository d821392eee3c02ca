// What is said of a partition's log to a peer that something large of it is still on its way to.
//
// The entries travel in bulk (protocol/cluster/bulk.hpp), heartbeats do not.  An AppendEntries that begins behind
// entries which have not arrived would be refused, and its leader would send all of them again; so, as long as they are
// under way, the peer is told that its leader is there by an AppendEntries without entries that begins where they do.
#pragma once

#include "worker/raft/message.hpp"

namespace trellis {

/// A head that pack_head() made in this process.
RaftMessage read_own_head(std::string_view head);

/// @param earlier  an AppendEntries of the same group, leader and term, which the peer may not have received yet
RaftMessage without_entries(RaftMessage message, const RaftMessage& earlier);

}  // namespace trellis
