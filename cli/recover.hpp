// trellis recover: brings back what is left of a cluster that has lost members for good, once its plan was shown.
#pragma once

#include <string>
#include <vector>

#include "client/client.hpp"
#include "program/signals.hpp"

namespace CLI {
class App;
}

namespace trellis {

struct RecoverFlags {
  std::vector<std::string> lost;  ///< Ids or addresses.
  std::string yes;                ///< The cluster's id, where nobody is asked for it.
};

CLI::App* add_recover(CLI::App& app, RecoverFlags& flags);
/// Exit code: 0 done (or nothing was wanted but the plan), else as of a command.
int run_recover(const RecoverFlags& flags, Client& client, bool json);

}  // namespace trellis
