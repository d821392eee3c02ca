// Heal: where a worker's folder is damaged, what it holds is set aside, and the worker starts with an empty one and
// asks for the place that it had (`trellis-worker --heal`).
//
//   DATA/log, DATA/snapshots, DATA/WORKER  ->  the same in DATA/damaged-1: nothing is deleted
//
// The log is shared by all groups of a worker, and a batch that is not as it was written may have held entries and
// votes of any of them.  So all groups are meant, and the worker comes back as one whose disk is lost: under another
// id, once every group in which the old one votes has k level voters without it (MapKeeper::replacement_obstacle).
// A disk that cannot be read, and a folder of other software, are no damage: those are told by the start itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

struct Healing {
  std::vector<std::string> faults;  ///< What was found, for people.
  std::string aside;                ///< Where the files are now.
};

/// Reads all of the folder, and sets it aside where it is damaged; nothing where it is not, or where there is none.
/// Error: another process holds it, or its files cannot be moved.
Result<std::optional<Healing>> set_damage_aside(const std::string& folder);

/// How often something was set aside in it, as far as that is there yet.
std::size_t damages_kept(const std::string& folder);
inline bool was_damaged(const std::string& folder) { return damages_kept(folder) > 0; }

/// Whether a name in a worker's folder is that of a folder with damaged files.
bool is_set_aside(const std::string& name);

}  // namespace trellis
