// What the simulator leaves out of the log on purpose, to see whether its checkers notice.  Nothing in production.
#pragma once

namespace trellis {

struct OmittedLogRules {
  bool checksums = false;     ///< A sector is whole whatever it holds.
  bool incarnations = false;  ///< A sector of an earlier use of its segment is taken for one of this.
  bool sectors = false;       ///< A batch's first sector alone has to be whole.
  bool damage = false;        ///< What is damaged at the end is taken for torn, and cut off.
  bool truncations = false;   ///< A truncation is forgotten at the start.
  bool use = false;           ///< A segment is used again while entries lie in it.
};

}  // namespace trellis
