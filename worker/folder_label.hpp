// FolderLabel: a file in a worker's folder, beside its log, that says whose folder it is.
//
//   DATA/WORKER   worker 6f5f82a74a8eb30f of cluster eb84876ac5408a26965013babf9ed8a7
//
// It tells a log whose files were lost from one that never was: both are empty, and an empty folder may be taken into a
// cluster, while what this one has voted and acknowledged would be forgotten.
// Invariant: it is written once the worker's place in its cluster is durable in the log, so a log beside it holds that.
// Threading: one thread at a time; writing waits for the disk, once in a folder's life.
#pragma once

#include <optional>
#include <string>

#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

inline constexpr const char* kFolderLabel = "WORKER";

/// What it says, for people; nothing where there is none.
std::optional<std::string> folder_label(const std::string& folder);

/// Durable when this returns.  One that says so already stays as it is.
Result<void> put_folder_label(const std::string& folder, WorkerId worker, const std::string& cluster);

/// For a folder that has a label, and whose log is empty or gone.
Error log_is_gone(const std::string& folder, const std::string& label);

}  // namespace trellis
