// Files that were deleted while the log had them open: nothing of them will be there at the next start, and no
// write fails.
//
// The kernel marks the names of such descriptors.  The log removes files of its own, too, but closes them: only one
// that is seen twice, a while apart, was deleted by somebody else.
#pragma once

#include <optional>
#include <set>
#include <string>

namespace trellis {

class DeletedFiles {
 public:
  explicit DeletedFiles(const std::string& folder);
  /// A file of the folder that is open and deleted, and was so at the last call; nothing where all is well.
  std::optional<std::string> look();

 private:
  std::string folder_;  ///< Absolute, as the kernel names it.
  std::set<std::string> seen_;
};

}  // namespace trellis
