// `trellis keys init DIR`: makes a cluster's key, and its administrator's.
#pragma once

#include <string>

#include "protocol/result.hpp"

namespace CLI {
class App;
}

namespace trellis {

CLI::App* add_keys(CLI::App& app, std::string& folder);

inline constexpr const char* kClusterKeyFile = "cluster.key";

/// Makes DIR/cluster.key and DIR/admin.user, and DIR where it is missing.  Error: they are there, or cannot be written.
Result<void> make_keys(const std::string& folder);
/// The same, and prints their names.  @return the exit code: 0, or 4 where it cannot, or they are there
int run_keys_init(const std::string& folder);

}  // namespace trellis
