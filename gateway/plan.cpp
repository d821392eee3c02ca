#include "gateway/plan.hpp"

#include <algorithm>
#include <charconv>

#include "gateway/accept.hpp"
#include "gateway/answer.hpp"
#include "gateway/entity_tags.hpp"
#include "gateway/named_arguments.hpp"
#include "gateway/patch_body.hpp"
#include "protocol/document.hpp"
#include "protocol/glob.hpp"
#include "protocol/json.hpp"
#include "protocol/lifetime.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"
#include "protocol/path.hpp"

namespace trellis {
namespace {

using Refusal = std::optional<HttpResponse>;

HttpResponse bad_request(std::string_view detail) { return problem(400, Code::kInvalidArgument, detail); }

template <typename T>
std::optional<T> read_number(std::string_view digits) {
  T value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

/// Fills a plan step by step; a step that refuses says so in a response.
class Planner {
 public:
  Planner(const HttpRequest& request, const Match& match) : request_(request), values_(match.values) {
    plan_.route = match.route;
  }
  Result<Plan, HttpResponse> plan();

 private:
  Refusal read_format();
  Refusal read_parameters();
  Refusal read_parameter(const std::string& name, const std::string& value);
  Refusal read_conditions();
  Refusal read_write_conditions(const std::optional<EntityTags>& match, const std::optional<EntityTags>& none_match);
  Refusal read_session();
  Refusal read_lifetime();
  Refusal write_arguments();
  Refusal write_key_arguments();
  Refusal write_batch_arguments();
  Refusal write_two_arguments(std::string_view first, std::string_view second, const std::string& example);
  Refusal write_settings_arguments();
  Refusal write_change_arguments();
  Refusal write_changes_arguments();
  Refusal write_steps(PackedWriter& writer);
  Refusal read_console();
  /// The body as one packed value.
  Result<std::string, HttpResponse> read_body(std::string_view what) const;

  const HttpRequest& request_;
  const std::vector<std::string>& values_;
  Plan plan_;
};

Result<Plan, HttpResponse> Planner::plan() {
  for (const auto step : {&Planner::read_format, &Planner::read_parameters, &Planner::read_conditions,
                          &Planner::read_session, &Planner::read_lifetime, &Planner::write_arguments}) {
    if (auto refusal = (this->*step)()) return std::move(*refusal);
  }
  return std::move(plan_);
}

Refusal Planner::read_format() {
  if (plan_.route->service != Service::kCluster && plan_.route->service != Service::kPartitions) return {};
  const auto format = accepted_format(request_.headers.accept, is_listing(*plan_.route));
  if (!format) {
    return problem(406, Code::kInvalidArgument,
                   "Accept names neither application/json nor application/msgpack, which are what there is");
  }
  plan_.format = *format;
  return {};
}

Refusal Planner::read_parameters() {
  const auto known = parameters_of(*plan_.route);
  for (const auto& [name, value] : request_.target.parameters) {
    const bool is_known =
        std::any_of(known.begin(), known.end(), [&name = name](const auto& row) { return row.name == name; });
    if (!is_known && plan_.route->service != Service::kPage) {
      std::string message = "there is no parameter " + quoted_excerpt(name) + " here";
      for (const Parameter& row : known)
        message += (&row == &known.front() ? "; there are: " : ", ") + std::string(row.name);
      return bad_request(message);
    }
    if (auto refusal = read_parameter(name, value)) return refusal;
  }
  if (is_listing(*plan_.route) && plan_.format == Format::kPacked && !plan_.limit) plan_.limit = kPageKeysDefault;
  return {};
}

Refusal Planner::read_parameter(const std::string& name, const std::string& value) {
  const auto wrong = [&](std::string_view right) {
    return bad_request(name + "=" + quoted_excerpt(value) + ": " + std::string(right));
  };
  if (name == "prefix") plan_.prefix = value;
  if (name == "after") plan_.after = value;
  if (name == "at_least" || name == "below") {
    if (value.size() > KeyRange::kBoundSizeMax) {
      return wrong("it has at most " + std::to_string(KeyRange::kBoundSizeMax) + " bytes");
    }
    (name == "below" ? plan_.range.below : plan_.range.at_least) = value;
  }
  if (name == "match") {
    if (const auto glob = Glob::parse(value); !glob) return bad_request(glob.error().message);
    plan_.range.match = value;
  }
  if (name == "reverse") {
    if (!value.empty() && value != "true" && value != "false") return wrong("it is true or false");
    plan_.range.reverse = value != "false";
  }
  if (name == "verbose") plan_.verbose = true;
  if (name == "load") {
    if (!value.empty() && value != "true" && value != "false") return wrong("it is true or false");
    plan_.load = value != "false";
  }
  if (name == "allow_fewer") {
    if (!value.empty() && value != "true" && value != "false") return wrong("it is true or false");
    plan_.allow_fewer = value != "false";
  }
  if (name == "dry_run") {
    if (!value.empty() && value != "true" && value != "false") return wrong("it is true or false");
    plan_.dry_run = value != "false";
  }
  if (name == "limit") {
    plan_.limit = read_number<std::size_t>(value);
    if (plan_.limit.value_or(0) < 1 || *plan_.limit > kPageKeysMax) {
      return wrong("it is a number from 1 to " + std::to_string(kPageKeysMax) +
                   "; without it the whole listing is streamed");
    }
  }
  if (name == "timeout_ms") {
    plan_.timeout = std::chrono::milliseconds(read_number<std::uint32_t>(value).value_or(0));
    if (plan_.timeout.count() < 1 || plan_.timeout > kTimeoutMax) {
      return wrong("it is a number of milliseconds from 1 to " + std::to_string(kTimeoutMax.count()));
    }
  }
  if (name == "consistency") {
    if (value != "linearizable" && value != "stale") return wrong("it is linearizable or stale");
    plan_.stale = value == "stale";
  }
  return {};
}

Refusal Planner::read_conditions() {
  if (!is_conditional(*plan_.route)) {
    if (is_exactly_once(*plan_.route) && !(request_.headers.if_match + request_.headers.if_none_match).empty()) {
      return bad_request("only PUT, PATCH and DELETE take If-Match; in a batch an item takes the option if_version");
    }
    return {};
  }
  std::optional<EntityTags> tags[2];
  const std::pair<std::string_view, const std::string*> headers[] = {
      {"If-Match", &request_.headers.if_match}, {"If-None-Match", &request_.headers.if_none_match}};
  for (int i = 0; i < 2; ++i) {
    if (headers[i].second->empty()) continue;
    tags[i] = read_entity_tags(*headers[i].second);
    if (!tags[i]) {
      return bad_request(std::string(headers[i].first) + " takes an entity tag in quotes, such as \"7\", or *");
    }
  }
  if (is_write(plan_.route->command)) return read_write_conditions(tags[0], tags[1]);
  if (tags[0]) plan_.if_match = tags[0]->strong;
  if (tags[1]) plan_.if_none_match = tags[1]->weak;
  return {};
}

/// What the protocol has an option for becomes that; the rest is a precondition.
Refusal Planner::read_write_conditions(const std::optional<EntityTags>& match,
                                       const std::optional<EntityTags>& none_match) {
  if (!match && !none_match) return {};
  const Signature signature = row_of(plan_.route->command).signature;
  const bool changes = signature == Signature::kChanges;
  const bool puts = signature == Signature::kRecord || changes;
  if (!match && puts && none_match->weak.any) {
    plan_.if_absent = true;
    return {};
  }
  if (!none_match && match->count == 1) {
    if (match->strong.versions.empty()) {
      return problem(412, Code::kFailedPrecondition, "If-Match names no version that a document could have");
    }
    plan_.if_version = match->strong.versions.front();
    return {};
  }
  if (!none_match && match->strong.any && changes) {
    plan_.if_present = true;
    return {};
  }
  if (!none_match && match->strong.any && !puts) return {};  // DELETE is of what is there.
  if (changes) return bad_request("a change in place takes If-Match with one tag or *, or If-None-Match: * alone");
  if (!request_.headers.idempotency_key.empty()) {
    return bad_request("with Idempotency-Key a write takes If-Match with one tag, or, on PUT, If-None-Match: * alone");
  }
  plan_.has_preconditions = true;
  if (match) plan_.if_match = match->strong;
  if (none_match) plan_.if_none_match = none_match->weak;
  return {};
}

Refusal Planner::read_session() {
  const std::string& key = request_.headers.idempotency_key;
  if (key.empty() || !is_exactly_once(*plan_.route)) return {};
  if (key.size() > kIdempotencyKeySizeMax) {
    return bad_request("Idempotency-Key has at most " + std::to_string(kIdempotencyKeySizeMax) + " bytes, this one " +
                       std::to_string(key.size()));
  }
  plan_.session = "http:" + key;
  return {};
}

Refusal Planner::read_lifetime() {
  const std::string& seconds = request_.headers.ttl;
  if (seconds.empty()) return {};
  if (!takes_lifetime(*plan_.route)) {
    return bad_request("only PUT and PATCH take Trellis-TTL; in a batch an item takes the option ttl_ms");
  }
  plan_.ttl_ms = lifetime_of(seconds + "s");
  if (plan_.ttl_ms) return {};
  return bad_request("Trellis-TTL is a number of seconds from 0.001 to " + seconds_text(kTtlMax.count()));
}

Refusal Planner::write_arguments() {
  if (plan_.route->service == Service::kConsole) return read_console();
  const CommandRow& row = row_of(plan_.route->command);
  PackedWriter writer(plan_.arguments);
  switch (row.signature) {
    case Signature::kPage: {
      const std::size_t streamed = row.result == ResultType::kKeys ? kStreamedKeys : kStreamedRecords;
      plan_.arguments = page_arguments(plan_.prefix, plan_.limit.value_or(streamed), plan_.after);
      return {};
    }
    case Signature::kPrefix: writer.array(1).key(plan_.prefix); return {};
    case Signature::kFormula:
      return write_two_arguments("expression", "where",
                                 R"({"expression": "2*x", "where": {"x": ["person2", "address", "number"]}})");
    case Signature::kItems: return write_batch_arguments();
    case Signature::kSettings: return write_settings_arguments();
    case Signature::kRecovery:
      return write_two_arguments("lost", "cluster", R"({"lost": ["127.0.0.1:9002"], "cluster": "its id"})");
    default: return values_.empty() ? (writer.array(0), Refusal()) : write_key_arguments();
  }
}

Refusal Planner::write_key_arguments() {
  plan_.key = values_.front();
  if (plan_.key.empty() || plan_.key.size() > kKeySizeMax) {
    return bad_request("a key has 1 to " + std::to_string(kKeySizeMax) + " bytes, this one " +
                       std::to_string(plan_.key.size()));
  }
  PackedWriter writer(plan_.arguments);
  const Signature signature = row_of(plan_.route->command).signature;
  if (signature == Signature::kPath) {
    plan_.is_deep = values_.size() > 1;
    writer.array(1).array(values_.size()).key(plan_.key);
    return write_steps(writer);
  }
  if (signature == Signature::kChanges) {
    return plan_.route->body == BodyKind::kChanges ? write_changes_arguments() : write_change_arguments();
  }
  if (plan_.route->body != BodyKind::kDocument) {
    writer.array(1).key(plan_.key);
    return {};
  }
  const auto document = read_body("the document");
  if (!document) return document.error();
  writer.array(2).key(plan_.key).packed(*document);
  return {};
}

/// The segments behind the key.
Refusal Planner::write_steps(PackedWriter& writer) {
  for (std::size_t i = 1; i < values_.size(); ++i) {
    const auto position = position_of(values_[i]);  // A zero in front makes a key of digits.
    if (!position && !is_utf8(values_[i]))
      return bad_request("a segment of the path is no UTF-8, as keys inside documents are");
    position ? writer.natural(*position) : writer.str(values_[i]);
  }
  return {};
}

/// PUT and DELETE of what is at a path: [key, [["set", path, body]]] or [key, [["remove", path]]].
Refusal Planner::write_change_arguments() {
  const bool sets = plan_.route->body == BodyKind::kDocument;
  plan_.change = sets ? PatchKind::kSet : PatchKind::kRemove;
  if (values_.size() == 1) return bad_request("a path leads into a document; the whole one is at /v1/keys/{key}");
  PackedWriter writer(plan_.arguments);
  writer.array(2).key(plan_.key).array(1).array(sets ? 3 : 2).str(name_of(*plan_.change)).array(values_.size() - 1);
  if (auto refusal = write_steps(writer)) return refusal;
  if (!sets) return {};
  const auto value = read_body("the value");
  if (!value) return value.error();
  writer.packed(*value);
  return {};
}

Refusal Planner::write_changes_arguments() {
  const auto body = read_body("a patch");
  if (!body) return body.error();
  const auto kind = patch_body_of(request_.headers.content_type);
  if (kind == PatchBody::kMerge) plan_.change = PatchKind::kMerge;
  plan_.pointer = kind == PatchBody::kJsonPatch;
  const auto operations = operations_of(kind, *body);
  if (!operations) return bad_request(operations.error().message);
  PackedWriter(plan_.arguments).array(2).key(plan_.key).packed(*operations);
  return {};
}

/// @param example  the object, for people
Refusal Planner::write_two_arguments(std::string_view first, std::string_view second, const std::string& example) {
  const auto body = read_body(example);
  if (!body) return body.error();
  auto arguments = two_arguments(*body, first, second);
  if (!arguments) return bad_request("this takes " + example + ", and nothing else");
  plan_.arguments = std::move(*arguments);
  return {};
}

/// The object's names and values are the cluster's to check.
Refusal Planner::write_settings_arguments() {
  PackedWriter writer(plan_.arguments);
  if (plan_.route->body == BodyKind::kNone) {
    writer.array(0);
    return {};
  }
  const auto body = read_body(R"({"moves": 2, "move_rate": 67108864})");
  if (!body) return body.error();
  if (PackedReader(*body).read_map() == std::nullopt) {
    return bad_request(R"(settings are an object of names and values: {"k": 2, "moves": 2, "move_rate": 67108864})");
  }
  writer.array(1).packed(*body);
  return {};
}

Refusal Planner::write_batch_arguments() {
  const auto body = read_body("an array of [command, arguments]");
  if (!body) return body.error();
  if (PackedReader(*body).read_array() == std::nullopt) {
    return bad_request(
        R"(batch takes an array of commands: [["PUT", ["person1", {"age": 22}]], ["GET", ["person1"]]])");
  }
  PackedWriter(plan_.arguments).array(1).packed(*body);
  return {};
}

/// {"line": "GET person1", "all": true}
Refusal Planner::read_console() {
  const auto body = read_body(R"({"line": "GET person1"})");
  if (!body) return body.error();
  const HttpResponse wrong = bad_request(R"(the console takes {"line": "GET person1"}, perhaps with "all": true)");
  PackedReader reader(*body);
  const auto pairs = reader.read_map();
  if (!pairs) return wrong;
  bool has_line = false;
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const auto name = reader.read_str();
    const auto value = reader.read_value();
    if (!name || !value) return wrong;
    PackedReader field(*value);
    const auto line = *name == "line" ? field.read_str() : std::nullopt;
    const auto all = *name == "all" ? field.read_bool() : std::nullopt;
    if (!line && !all) return wrong;
    if (line) plan_.line = *line;
    if (all) plan_.all = *all;
    has_line = has_line || line.has_value();
  }
  return has_line ? Refusal() : wrong;
}

Result<std::string, HttpResponse> Planner::read_body(std::string_view what) const {
  const std::string& body = request_.body;
  if (body.empty())
    return bad_request("the body is empty; it should hold " + std::string(what) + " as JSON or MessagePack");
  const auto format = body_format(request_.headers.content_type);
  if (format == Format::kPacked) {
    const bool is_document = plan_.route->body != BodyKind::kBatch;  // The items of a batch are the cluster's to check.
    if (is_document && body.size() > kDocumentSizeMax) return too_large("a document", kDocumentSizeMax);
    if (is_document) {
      if (const auto good = check_document(body); !good) return bad_request(good.error().message);
    } else if (PackedReader reader(body); !reader.read_value() || !reader.at_end()) {
      return bad_request("the body is not one MessagePack value");
    }
    return body;
  }
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // Some editors write one in front.
  std::string_view text(body);
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  auto packed = parse_json(text);
  if (packed) return std::move(*packed);
  if (packed.error().too_large) return too_large("a document", kDocumentSizeMax);
  return bad_request("the body is no JSON document: column " + std::to_string(packed.error().column) + ": " +
                     packed.error().reason);
}

}  // namespace

Options Plan::options() const {
  Options options;
  options.timeout = timeout;
  options.stale = stale;
  options.if_absent = if_absent;
  options.if_version = if_version;
  options.if_present = if_present;
  options.pointer = pointer;
  options.ttl_ms = ttl_ms;
  options.load = load;
  options.allow_fewer = allow_fewer;
  options.dry_run = dry_run;
  options.range = range.view();
  if (!session.empty()) options.session = session;
  if (!token_hash.empty()) {
    options.as = token_hash;
    options.as_token = true;
  }
  return options;
}

std::string page_arguments(std::string_view prefix, std::size_t limit, const std::optional<std::string>& after) {
  std::string arguments;
  PackedWriter writer(arguments);
  writer.array(after ? 3 : 2).key(prefix).natural(limit);
  if (after) writer.key(*after);
  return arguments;
}

Result<Plan, HttpResponse> make_plan(const HttpRequest& request) {
  if (auto refusal = refuse_early(request, request.body.size())) return std::move(*refusal);
  return Planner(request, match(request.method, request.target)).plan();
}

}  // namespace trellis
