// The users and roles of a cluster, for its backup and out of it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "protocol/access/access_records.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// Asks for all of them; nothing: the cluster has no keys.  Errors: the cluster's; kUnavailable, interrupted, or they
/// changed again and again meanwhile.
Result<std::optional<AccessRecords>> ask_for_users(Client& client, const std::function<bool()>& is_interrupted);

struct RestoredUsers {
  std::size_t users = 0;            ///< They are there now as they were.
  std::size_t roles = 0;            ///< The same.
  std::vector<std::string> stayed;  ///< Users whose names others have here, or their keys: those stay.
};

/// Adds all of them, with their tokens.  It may be repeated.  Errors: the cluster's.
Result<RestoredUsers> restore_users(Client& client, const AccessRecords& users,
                                    const std::function<bool()>& is_interrupted);

}  // namespace trellis
