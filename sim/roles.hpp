// Roles: a cluster with users, of whom the raw clients are one that may not do everything.
//
// What such a client is answered is checked: a refusal where it may, and anything but a refusal where it may not, are
// violations; so is a key in a listing that it may not read.  What it may not write and would have changed all the same
// the histories' checkers find.
#pragma once

#include <string_view>

#include "broker/types.hpp"
#include "protocol/access/access_records.hpp"
#include "protocol/reply.hpp"
#include "sim/checker/history.hpp"
#include "sim/client_address.hpp"

namespace trellis::sim {

/// With whom a simulated cluster begins: an administrator, and the raw clients' user, who reads and writes a/ and c/,
/// reads t/ and is kept from b/.
AccessRecords simulated_users();

/// As whom a client asks: the raw ones as their user, the others as members.
Asker asker_of(const SimulatedClient& client);

/// What is wrong with an answer to a raw client's operation, its items each by itself; null: nothing.
const char* wrong_by_role(const Operation& operation, Code status);
/// The same with the answer to a KEYS, SCAN or COUNT of all keys.
const char* wrong_by_role(Command command, const Reply& reply);

}  // namespace trellis::sim
