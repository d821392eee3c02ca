// Changes of users and roles: each takes the records and makes the next version of them, as a command asks.
//
// Pure: whoever keeps the records (the leader of partition 0) replicates what comes of it.  Where nothing is to be
// changed the same version comes back.  Errors: kInvalidArgument, kNotFound, kFailedPrecondition,
// kResourceExhausted, with nothing changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/access/access_records.hpp"
#include "protocol/command_table.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// The first records of a cluster: one user, its administrator.
AccessRecords first_access_records(std::string_view public_key);
/// The name of that user.
inline constexpr std::string_view kFirstUser = "admin";

/// Whether the command is about users or roles.
bool is_about_access(Command command);

/// What is wrong with the arguments of such a command; nothing of the records is needed to tell.
Result<void> check_access_arguments(Command command, std::string_view arguments);

/// @param arguments  the packed array of a command that is_about_access()
Result<AccessRecords> with_change(const AccessRecords& records, Command command, std::string_view arguments);

/// What names a request among all: copies of it have the same, and any other one has another.
std::uint64_t change_identity(std::string_view session, std::uint64_t seq, Command command, std::string_view arguments);

/// The next version of the records, in which the request is known to be done.
/// @param next  what with_change() made of them; an error is known as well, and changes nothing else
AccessRecords with_done(const AccessRecords& records, const Result<AccessRecords>& next, std::uint64_t identity);

/// The code of an outcome that is an error; nothing: it is none.
std::optional<Code> code_of(ChangeOutcome outcome);

}  // namespace trellis
