// `trellis keys init DIR`: makes a cluster's key.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace trellis {

CLI::App* add_keys(CLI::App& app, std::string& folder);

/// Makes DIR/cluster.key, and DIR where it is missing.  @return the exit code: 0, or 4 where it cannot, or there is one
int run_keys_init(const std::string& folder);

}  // namespace trellis
