// `trellis user ...` and `trellis role ...`: who may use the cluster, and what each may do.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "program/user_key.hpp"

namespace CLI {
class App;
}

namespace trellis {

struct UserFlags {
  std::string name;
  std::string role;
  std::string lifetime;  ///< `user token`: how long it holds.
  bool none = false;     ///< `user token`: takes all of them away.
  std::string file;      ///< `user add`: where the user's key is written; empty: NAME.user.
  std::vector<std::string> read;
  std::vector<std::string> write;
  std::string cluster;
  bool speak_for = false;
};

/// What the tools share with every command.
struct UserToolSettings {
  std::vector<std::string> endpoints;
  std::optional<UserKey> user;
  std::chrono::milliseconds timeout{};
  bool json = false;
};

CLI::App* add_user_tool(CLI::App& app, UserFlags& flags);
CLI::App* add_role_tool(CLI::App& app, UserFlags& flags);

/// @param tool  as one of the above returned it, parsed
/// @return the exit code
int run_user_tool(const CLI::App& tool, const UserFlags& flags, const UserToolSettings& settings);
int run_role_tool(const CLI::App& tool, const UserFlags& flags, const UserToolSettings& settings);

}  // namespace trellis
