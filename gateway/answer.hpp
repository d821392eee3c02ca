// Replies of the cluster as HTTP responses, and the problems of the gateway's own.
//
// The body is the command's result, as docs/protocol.md gives it, in JSON or packed.  An error is a problem (RFC 7807):
//   {"type": "about:blank", "title": "Not Found", "status": 404, "code": "NOT_FOUND", "detail": "..."}
// Pure functions; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/http.hpp"
#include "gateway/plan.hpp"
#include "protocol/reply.hpp"

namespace trellis {

/// A status that the gateway's own refusals may carry besides those that codes stand for.
HttpResponse problem(int status, Code code, std::string_view detail);
/// 413, with the limit in bytes as a member of its own.
HttpResponse too_large(std::string_view what, std::size_t limit);

/// The HTTP status that a code of the protocol stands for.
int status_of(Code code);

/// The response to a plan that is no streamed listing.
HttpResponse answer(const Plan& plan, const Reply& reply);

/// What every response about data carries: Trellis-Guaranteed, Warning, Trellis-Missing-Partitions.
void add_marks(HttpResponse& response, const ReplyInfo& info);

std::string_view content_type_of(Format format);
std::string entity_tag(std::uint64_t version);

}  // namespace trellis
