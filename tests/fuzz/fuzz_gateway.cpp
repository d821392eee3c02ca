// The gateway: a request as it comes, method and target, headers, a blank line and the body.  Targets read back from
// what is written anew; a plan's request is one of the protocol's; a refusal is a problem in JSON with a status of its
// own.
#include "gateway/plan.hpp"

#include "gateway/answer.hpp"
#include "protocol/check.hpp"
#include "protocol/document.hpp"
#include "protocol/json.hpp"
#include "protocol/packed.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace trellis {
namespace {

/// Takes what stands before `end`, and `end` itself, off `text`.
std::string_view take_until(std::string_view& text, std::string_view end) {
  const std::string_view part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(part.size() + end.size(), text.size()));
  return part;
}

std::string written(const Target& target) {
  std::string out;
  for (const std::string& segment : target.segments) out += '/' + percent_encoded(segment);
  char before = '?';
  for (const auto& [name, value] : target.parameters) {
    out += std::exchange(before, '&') + percent_encoded(name) + '=' + percent_encoded(value);
  }
  return out;
}

void check_target(std::string_view text, const Result<Target>& target) {
  if (!target) {
    CHECK(is_utf8(target.error().message) && (text.find('%') != std::string_view::npos || !text.starts_with('/')));
    return;
  }
  CHECK(!target->segments.empty());
  const auto again = read_target(written(*target));
  CHECK(again && again->segments == target->segments && again->parameters == target->parameters);
}

/// Any bytes can stand in a URL.
void check_encoding(std::string_view bytes) {
  const auto target = read_target("/v1/keys/" + percent_encoded(bytes) + "?after=" + percent_encoded(bytes));
  CHECK(target && target->segments.size() == 3 && target->segments[2] == bytes);
  CHECK(target->parameters.size() == 1 && target->parameters[0].second == bytes);
}

RequestHeaders read_headers(std::string_view lines) {
  RequestHeaders headers;
  while (!lines.empty()) {
    std::string_view line = take_until(lines, "\n");
    const std::string_view name = take_until(line, ": ");
    const std::pair<std::string_view, std::string*> known[] = {
        {"Accept", &headers.accept},     {"Content-Type", &headers.content_type},
        {"If-Match", &headers.if_match}, {"If-None-Match", &headers.if_none_match},
        {"Host", &headers.host},         {"Idempotency-Key", &headers.idempotency_key},
        {"Origin", &headers.origin}};
    for (const auto& [known_name, value] : known) {
      if (name == known_name) *value = line;
    }
  }
  return headers;
}

void check_refusal(const HttpResponse& response) {
  CHECK(response.status >= 400 && response.status < 500 && reason_of(response.status) != "Error");
  const auto body = parse_json(response.body);
  CHECK(body);
  const auto status = walk(*body, {"status"});
  CHECK(status && PackedReader(*status).read_uint() == static_cast<std::uint64_t>(response.status));
}

void check_plan(const HttpRequest& request, const Plan& plan) {
  CHECK(plan.route != nullptr && plan.timeout.count() >= 1 && plan.timeout <= kTimeoutMax);
  if (plan.route->service != Service::kCluster) return;
  Options options = plan.options();
  if (options.session) options.seq = 1;  // As the client library numbers it.
  const std::string packed = pack_request(1, plan.route->command, plan.arguments, options);
  const auto read = read_request(packed);
  CHECK(std::holds_alternative<Request>(read));
  CHECK(std::get<Request>(read).arguments == plan.arguments);
  if (plan.route->command != Command::kPut) return;
  const auto put = read_put(plan.arguments);
  CHECK(put && put->key == plan.key);
  if (const auto document = parse_json(request.body); document && request.headers.content_type.empty()) {
    const auto again = parse_json(to_json(put->document));
    CHECK(put->document == *document && again && *again == *document);
  }
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  std::string_view text = text_of(data, size);
  check_encoding(text.substr(0, 64));
  std::string_view head = take_until(text, "\n\n");
  std::string_view first = take_until(head, "\n");
  const auto method = method_of(take_until(first, " "));
  const auto target = read_target(first);
  check_target(first, target);
  if (!method || !target) return 0;
  HttpRequest request;
  request.method = *method;
  request.target = *target;
  request.headers = read_headers(head);
  request.body = text;
  const auto plan = make_plan(request);
  const auto early = refuse_early(request, request.body.size());
  CHECK(!early || !plan);
  if (plan) {
    check_plan(request, *plan);
  } else {
    check_refusal(plan.error());
  }
  return 0;
}
