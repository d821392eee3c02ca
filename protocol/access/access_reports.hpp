// The results of USER_LIST and ROLE_LIST: users and roles as administrators see them.
//
// All of it is told but what nobody keeps: secret keys and tokens.  Of a token there is the hash.
#pragma once

#include <string>
#include <string_view>

#include "protocol/access/access_records.hpp"
#include "protocol/command_table.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// The result of USER_LIST or ROLE_LIST, one packed value.
std::string pack_access_report(const AccessRecords& records, Command command);

/// What the results of both say together, as version 1 of records whose users have new numbers.
/// Error: kInvalidArgument, also where they contradict each other, having been asked for while they changed.
Result<AccessRecords> read_access_reports(std::string_view users, std::string_view roles);

}  // namespace trellis
