// What a status and an info say, as answers and errors of the installed library.
#pragma once

#include <string>
#include <vector>

#include "client/public/trellis/client.hpp"
#include "protocol/reply.hpp"

namespace trellis::client {

/// The reply's answer, or its error.
/// @param writes  whether the command may have changed something
/// @param result  read already; of an error it is not looked at
Result<Answer<Value>> read_reply(trellis::Code status, const ReplyInfo& info, bool writes, bool accept_unguaranteed,
                                 Value result);

/// A BATCH's items, whose commands are named by `commands`; nothing where the result is something else.
std::optional<Outcomes> read_outcomes(const Value& result, const std::vector<std::string>& commands,
                                      bool accept_unguaranteed);

}  // namespace trellis::client
