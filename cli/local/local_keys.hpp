// The keys of a cluster that `trellis up` keeps: in its data folder, and once made used by every `up` on it.
//
//   DIR/keys/cluster.key    broker and workers        admin.user    its administrator, as whom `up` itself asks
//                                                     gateway.user  the gateway, which speaks for whoever has a token
#pragma once

#include <optional>
#include <string>

#include "client/client.hpp"
#include "program/user_key.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct LocalKeys {
  std::string cluster_file;
  std::string administrator_file;
  std::string gateway_file;
  UserKey administrator;
};

/// The keys of the folder's cluster; nothing where it has none.  Error: they cannot be made, read or used.
/// @param makes_them  where there are none
Result<std::optional<LocalKeys>> local_keys(const std::string& folder, bool makes_them);

/// Whether the environment names a cluster's key, for all that is started.
bool names_a_cluster_key();

/// Adds the user whose key the gateway shows, if it is not there.  Error: what the cluster said.
Result<void> add_gateway_user(Client& client, const LocalKeys& keys);

}  // namespace trellis
