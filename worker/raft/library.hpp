// libraft 0.15.0, the only way in: nothing outside worker/raft/ includes raft.h.
//
// raft.h has no extern "C" of its own, and this wrapper reads and writes a few of the library's structures (the rules
// of docs/libraft.md say which and why), so their layout is pinned.
#pragma once

extern "C" {
#include <raft.h>
}

namespace trellis {

static_assert(sizeof(struct raft) == 656, "not libraft 0.15.0: read docs/libraft.md before changing this");
static_assert(sizeof(struct raft_io) == 408, "not libraft 0.15.0: read docs/libraft.md before changing this");
static_assert(sizeof(struct raft_entry) == 40, "not libraft 0.15.0: read docs/libraft.md before changing this");
static_assert(sizeof(struct raft_progress) == 56, "not libraft 0.15.0: read docs/libraft.md before changing this");

/// A value of raft_progress.state: the library keeps its name to itself (progress.h).
constexpr unsigned short kProgressPipeline = 1;

}  // namespace trellis
