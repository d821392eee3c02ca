#include "gateway/answer.hpp"

#include <algorithm>

#include "protocol/json.hpp"
#include "protocol/lifetime.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::string_view kProblemType = "application/problem+json";

HttpResponse make_problem(int status, Code code, std::string_view detail, std::string_view more = "") {
  HttpResponse response;
  response.status = status;
  response.content_type = kProblemType;
  response.body = R"({"type": "about:blank", "title": )" + json_string(reason_of(status)) +
                  ", \"status\": " + std::to_string(status) + ", \"code\": \"" + std::string(name_of(code)) +
                  "\", \"detail\": " + json_string(detail) + std::string(more) + "}\n";
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

/// What a quoted-string of a header may hold: the rest becomes a blank.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
  }
  return out + "\"";
}

/// A path that is written as in the shell is one key here.
std::string advice_on_path(const Plan& plan, Code status) {
  if (row_of(plan.route->command).signature != Signature::kPath || status != Code::kNotFound) return "";
  if (plan.is_deep || plan.key.find('.') == std::string::npos) return "";
  std::string path = "/v1/query/" + percent_encoded(plan.key);
  std::replace(path.begin(), path.end(), '.', '/');
  return "; a path is written with slashes: " + path;
}

/// A write's condition that did not hold is 412; the same codes without one are conflicts, and so is what is known of
/// an earlier request under the same Idempotency-Key.
HttpResponse error_response(const Plan& plan, const Reply& reply) {
  int status = status_of(reply.status);
  const ExactlyOnce told = reply.info.exactly_once;
  const bool conditional = (plan.if_absent || plan.if_version) && told == ExactlyOnce::kNothing;
  if ((status == 409 && conditional) || (status == 404 && plan.if_present)) status = 412;
  const std::string more =
      told == ExactlyOnce::kNothing ? "" : ", \"exactly_once\": \"" + std::string(name_of(told)) + "\"";
  HttpResponse response =
      make_problem(status, reply.status, reply.info.message + advice_on_path(plan, reply.status), more);
  add_marks(response, reply.info);
  return response;
}

/// The result of a PATCH's only operation.
std::string_view only_element(std::string_view results) {
  PackedReader reader(results);
  reader.read_array();
  return reader.read_value().value_or(std::string_view());
}

bool is_true(std::string_view packed) { return PackedReader(packed).read_bool().value_or(false); }

void set_body(HttpResponse& response, Format format, std::string_view packed) {
  const std::string_view nil("\xc0", 1);
  if (packed.empty()) packed = nil;
  response.content_type = content_type_of(format);
  if (format == Format::kPacked) {
    response.body = packed;
  } else if (format == Format::kJson) {
    response.body = to_json(packed) + "\n";
  } else {
    PackedReader reader(packed);
    for (auto left = reader.read_array().value_or(0); left > 0; --left) {
      const auto element = reader.read_value();
      if (!element) break;
      response.body += to_json(*element) + "\n";
    }
  }
}

/// The last key of a page of KEYS or SCAN.
std::string last_key(const Plan& plan, std::string_view page) {
  PackedReader reader(page);
  std::string_view last;
  for (auto left = reader.read_array().value_or(0); left > 0; --left) last = reader.read_value().value_or("");
  PackedReader record(last);
  if (row_of(plan.route->command).result == ResultType::kRecords) [[maybe_unused]]
    const auto pair = record.read_array();
  return std::string(record.read_bytes().value_or(""));
}

void add_link_to_next(HttpResponse& response, const Plan& plan, const Reply& reply) {
  std::string url(plan.route->pattern);
  url += "?limit=" + std::to_string(*plan.limit) +
         "&after=" + percent_encoded(reply.info.after ? *reply.info.after : last_key(plan, reply.result));
  const auto add = [&url](std::string_view name, const std::optional<std::string>& value) {
    if (value) url.append("&").append(name).append("=").append(percent_encoded(*value));
  };
  add("at_least", plan.range.at_least);
  add("below", plan.range.below);
  add("match", plan.range.match);
  if (plan.range.reverse) url += "&reverse=true";
  if (!plan.prefix.empty()) url += "&prefix=" + percent_encoded(plan.prefix);
  if (plan.stale) url += "&consistency=stale";
  response.headers.emplace_back("Link", "<" + url + ">; rel=\"next\"");
}

/// A read's conditions, which are the gateway's to check: 412 or 304 in place of the document.
bool stands_in_the_way(const Plan& plan, std::uint64_t version, HttpResponse& response) {
  if (plan.if_match && !plan.if_match->holds(version)) {
    auto refused = problem(412, Code::kFailedPrecondition, "the document has version " + std::to_string(version));
    refused.headers.insert(refused.headers.end(), response.headers.begin(), response.headers.end());
    response = std::move(refused);
    return true;
  }
  if (plan.if_none_match && plan.if_none_match->holds(version)) {
    response.status = 304;
    return true;
  }
  return false;
}

}  // namespace

HttpResponse problem(int status, Code code, std::string_view detail) { return make_problem(status, code, detail); }

HttpResponse too_large(std::string_view what, std::size_t limit) {
  const std::string number = std::to_string(limit);
  return make_problem(413, Code::kInvalidArgument, std::string(what) + " has at most " + number + " bytes",
                      ", \"limit\": " + number);
}

int status_of(Code code) {
  switch (code) {
    case Code::kOk: return 200;
    case Code::kInvalidArgument: return 400;
    case Code::kNotFound: return 404;
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition: return 409;
    case Code::kUnavailable: return 503;
    case Code::kDeadlineExceeded: return 504;
    case Code::kResourceExhausted: return 429;
    case Code::kUnauthenticated: return 401;
    case Code::kPermissionDenied: return 403;
    case Code::kUnimplemented: return 501;
    case Code::kInternal: return 500;
  }
  return 500;
}

void add_marks(HttpResponse& response, const ReplyInfo& info) {
  if (!info.guaranteed) response.headers.emplace_back("Trellis-Guaranteed", "false");
  if (info.filtered) response.headers.emplace_back("Trellis-Filtered", "true");
  for (const std::string& warning : info.warnings)
    response.headers.emplace_back("Warning", "199 trellis " + quoted(warning));
  std::string missing;
  for (const auto partition : info.missing_partitions)
    missing += (missing.empty() ? "" : ", ") + std::to_string(partition);
  if (!missing.empty()) response.headers.emplace_back("Trellis-Missing-Partitions", missing);
}

std::string_view content_type_of(Format format) {
  switch (format) {
    case Format::kJson: return "application/json";
    case Format::kJsonLines: return "application/x-ndjson";
    case Format::kPacked: return "application/msgpack";
  }
  return "";
}

std::string entity_tag(std::uint64_t version) { return "\"" + std::to_string(version) + "\""; }

HttpResponse answer(const Plan& plan, const Reply& reply) {
  if (reply.status != Code::kOk) return error_response(plan, reply);
  const Command command = plan.route->command;
  const CommandRow& row = row_of(command);
  // False is a success of these.
  const bool is_put = row.signature == Signature::kRecord || plan.change == PatchKind::kSet;
  const std::string_view result = plan.change ? only_element(reply.result) : reply.result;
  const bool is_removal =
      row.effect != Effect::kManages && (row.result == ResultType::kBoolean || plan.change == PatchKind::kRemove);
  if (is_removal && !is_put && !is_true(result)) {
    HttpResponse response =
        problem(404, Code::kNotFound, plan.change ? "there is nothing at this path" : "there is no such key");
    add_marks(response, reply.info);
    return response;
  }
  HttpResponse response;
  add_marks(response, reply.info);
  response.headers.emplace_back("Vary", "Accept");
  if (reply.info.ttl_ms) response.headers.emplace_back("Trellis-TTL", seconds_text(*reply.info.ttl_ms));
  if (reply.info.version) {
    response.headers.emplace_back("ETag", entity_tag(*reply.info.version));
    const bool is_read = !is_write(command);  // A write's conditions were checked before it.
    if (is_read && stands_in_the_way(plan, *reply.info.version, response)) return response;
  }
  if (is_put && is_true(result)) {
    response.status = 201;
    response.headers.emplace_back("Location", "/v1/keys/" + percent_encoded(plan.key));
  }
  if (is_listing(*plan.route) && plan.limit && reply.info.more) add_link_to_next(response, plan, reply);
  if (command == Command::kHas) {
    response.content_type = content_type_of(plan.format);
    return response;
  }
  set_body(response, plan.format, result);
  return response;
}

}  // namespace trellis
