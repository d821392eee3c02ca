// What is refused by the head of a request, before its body is read.
#include "gateway/accept.hpp"
#include "gateway/answer.hpp"
#include "gateway/nearest.hpp"
#include "gateway/patch_body.hpp"
#include "gateway/plan.hpp"
#include "protocol/notation/notation_text.hpp"

namespace trellis {
namespace {

/// A page of another site may not write here through the browser of somebody who can reach the gateway.
bool is_foreign(const HttpRequest& request) {
  const std::string& origin = request.headers.origin;
  if (origin.empty() || request.method == Method::kGet || request.method == Method::kHead) return false;
  return origin != "http://" + request.headers.host && origin != "https://" + request.headers.host;
}

HttpResponse nothing_there(const HttpRequest& request, const Match& match) {
  if (match.allowed.empty()) {
    const bool slashes = request.target.segments.size() > 3 && request.target.segments[0] == "v1";
    const std::string nearest = nearest_path(request.target);
    std::string detail = "there is nothing at this path; ";
    if (nearest != "/openapi.json" && !nearest.empty()) detail += "the nearest is " + nearest + ", and ";
    detail += "/openapi.json describes what there is";
    if (slashes) detail += "; a / in a key is written %2F";
    return problem(404, Code::kNotFound, detail);
  }
  std::string allowed;
  for (const Method method : match.allowed) allowed += (allowed.empty() ? "" : ", ") + std::string(name_of(method));
  HttpResponse response = problem(405, Code::kInvalidArgument,
                                  std::string(name_of(request.method)) + " is not for this path; it takes " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace

std::optional<HttpResponse> refuse_early(const HttpRequest& request, std::optional<std::uint64_t> body_size) {
  const Match found = match(request.method, request.target);
  if (found.route == nullptr) return nothing_there(request, found);
  if (is_foreign(request)) {
    return problem(
        403, Code::kPermissionDenied,
        "a page of " + quoted_excerpt(request.headers.origin) + " may not write here; only the gateway's own may");
  }
  if (body_size.value_or(0) > kBodySizeMax) return too_large("a body", kBodySizeMax);
  const bool is_patch =
      found.route->body == BodyKind::kChanges && patch_body_of(request.headers.content_type).has_value();
  if (found.route->body != BodyKind::kNone && !is_patch && !body_format(request.headers.content_type)) {
    if (found.route->body == BodyKind::kChanges) return unknown_patch(request.headers.content_type);
    return problem(415, Code::kInvalidArgument,
                   "Content-Type " + quoted_excerpt(request.headers.content_type) +
                       " is not taken; application/json and application/msgpack are");
  }
  return std::nullopt;
}

}  // namespace trellis
