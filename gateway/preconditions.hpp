// Conditions of a write that the protocol has no option for: the version is asked for, checked, and written upon.
//
// `If-Match: *`, several tags, `If-None-Match: "7"`, and both headers at once (RFC 9110, 13.1 and 13.2.2).  The write
// is then bound to the very version that was checked, or to there being none, so nobody's write between the two is
// lost: it makes the write fail, and the version is asked for again.  Pure functions.
#pragma once

#include <optional>
#include <string>

#include "gateway/http.hpp"
#include "gateway/plan.hpp"
#include "protocol/reply.hpp"

namespace trellis {

/// How often others may come between before the write is given up with 503.
constexpr int kPreconditionAttemptsMax = 16;

/// HAS' arguments.
std::string version_arguments(const Plan& plan);
/// @param has  the answer to HAS
/// @returns the response, where nothing is to be written; otherwise `plan` has the option to write with
std::optional<HttpResponse> check_version(Plan& plan, const Reply& has);
/// The answer to the write says that the document has changed since it was checked.
bool was_overtaken(const Plan& plan, const Reply& written);
HttpResponse given_up_on();

}  // namespace trellis
