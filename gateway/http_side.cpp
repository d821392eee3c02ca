#include "gateway/http_side.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "gateway/answer.hpp"
#include "gateway/certificates.hpp"
#include "gateway/framing.hpp"
#include "gateway/openapi.hpp"
#include "gateway/page_files.hpp"
#include "program/http_daemon.hpp"
#include "program/log.hpp"
#include "program/peer_of.hpp"
#include "program/process.hpp"
#include "program/token/token.hpp"

namespace trellis {
namespace {

/// Request line and headers: a key of 4096 bytes takes 12 KiB percent-encoded.
/// Where a pattern with {key} has it: /v1/keys/{key}.
constexpr std::size_t kKeySegment = 2;
constexpr std::size_t kTargetMax = 24 << 10;
constexpr std::size_t kHeadersMax = 24 << 10;
/// The library answers what does not fit in here with a page of its own, and so should come after our own refusals; but
/// it writes over all of it, so every connection that was used costs as much.
constexpr std::size_t kConnectionMemory = 64 << 10;
/// A body that is not wanted is read all the same, up to here, so that its sender comes to read the refusal.
constexpr std::size_t kUnwantedBodyMax = std::size_t{1} << 30;
constexpr std::size_t kStreamBlock = 32 << 10;
constexpr const char* kBearer = "Bearer realm=\"trellis\"";
constexpr std::string_view kStopping = "the gateway is being stopped; another one may answer";

std::optional<std::uint64_t> read_length(const char* text) {
  if (text == nullptr) return std::nullopt;
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), length);
  return error == std::errc() && *end == '\0' ? std::optional(length) : std::nullopt;
}

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

Fields fields_of(MHD_Connection* connection) {
  Fields fields;
  MHD_get_connection_values_n(
      connection, MHD_HEADER_KIND,
      [](void* all, MHD_ValueKind, const char* name, std::size_t name_size, const char* value, std::size_t value_size) {
        static_cast<Fields*>(all)->emplace_back(std::string_view(name, name_size), std::string_view(value, value_size));
        return MHD_YES;
      },
      &fields);
  return fields;
}

/// Longer ones than these the library refuses with a page of its own.
std::optional<HttpResponse> refuse_long_head(const Exchange& exchange, const Fields& fields) {
  if (exchange.raw_target.size() > kTargetMax) {
    return problem(414, Code::kInvalidArgument, "a URL has at most " + std::to_string(kTargetMax) + " bytes");
  }
  std::size_t size = 0;
  for (const auto& [name, value] : fields) size += name.size() + value.size() + 4;  // ": " and the line's end.
  if (size <= kHeadersMax) return std::nullopt;
  return problem(431, Code::kInvalidArgument, "headers have at most " + std::to_string(kHeadersMax) + " bytes");
}

HttpResponse unauthenticated(std::string_view why) {
  HttpResponse response = problem(401, Code::kUnauthenticated, why);
  response.headers.emplace_back("WWW-Authenticate", kBearer);
  return response;
}

HttpResponse too_many_wrong_tokens(std::chrono::seconds wait) {
  HttpResponse response = problem(429, Code::kResourceExhausted, "too many wrong tokens from this address; wait");
  response.headers.emplace_back("Retry-After", std::to_string(wait.count()));
  return response;
}

HttpResponse text_response(std::string_view type, std::string text) {
  HttpResponse response;
  response.content_type = type;
  response.body = std::move(text);
  return response;
}

}  // namespace

HttpSide::HttpSide(const HttpSettings& settings, SlowLog slow_log)
    : settings_(settings), hosts_(settings.listen, settings.hosts), openapi_(openapi_json()), slow_log_(slow_log) {}

HttpSide::~HttpSide() { stop(); }

ConnectionHooks HttpSide::hooks() {
  return {[](Exchange& exchange) { MHD_suspend_connection(exchange.connection); },
          [](Exchange& exchange) { MHD_resume_connection(exchange.connection); }};
}

Result<void> HttpSide::start(ClusterSide& cluster) {
  cluster_ = &cluster;
  std::vector<MHD_OptionItem> options = {
      http_option(MHD_OPTION_URI_LOG_CALLBACK, &on_target, this),
      http_option(MHD_OPTION_NOTIFY_COMPLETED, &on_completed, this),
      http_option(MHD_OPTION_NOTIFY_CONNECTION, &on_connection, this),
      http_option(MHD_OPTION_CONNECTION_LIMIT, settings_.connections_max),
      http_option(MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory),
      http_option(MHD_OPTION_CONNECTION_TIMEOUT, static_cast<std::size_t>(settings_.request_time.count()))};
  if (settings_.is_encrypted) {
    options.push_back(http_option(MHD_OPTION_HTTPS_CERT_CALLBACK, Certificates::callback()));
    options.push_back(http_option(MHD_OPTION_HTTPS_PRIORITIES, const_cast<char*>(Certificates::kPriorities)));
  }
  const auto daemon =
      start_http_daemon(settings_.listen, &on_request, this, std::move(options), settings_.is_encrypted);
  if (!daemon) return daemon.error();
  daemon_ = *daemon;
  return {};
}

void HttpSide::close_listener() {
  const int listening = MHD_quiesce_daemon(daemon_);
  if (listening >= 0) close(listening);
}

void HttpSide::stop() {
  if (daemon_ != nullptr) MHD_stop_daemon(std::exchange(daemon_, nullptr));
}

void HttpSide::close_the_slow(TimePoint now) {
  closed_for_slowness_ += connections_.end_those_waited_for_since(now - settings_.request_time);
}

void* HttpSide::on_target(void*, const char* target, MHD_Connection* connection) {
  auto* exchange = new Exchange;
  exchange->connection = connection;
  exchange->begun = monotonic_now();
  exchange->raw_target = target;
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  if (info != nullptr) exchange->socket = static_cast<Connections::Connection*>(info->socket_context);
  return exchange;
}

void HttpSide::on_connection(void* self, MHD_Connection* connection, void** kept, MHD_ConnectionNotificationCode code) {
  Connections& connections = static_cast<HttpSide*>(self)->connections_;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) return connections.on_close(static_cast<Connections::Connection*>(*kept));
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  *kept = connections.on_open(info->connect_fd, monotonic_now());
}

void HttpSide::on_completed(void* self, MHD_Connection*, void** exchange, MHD_RequestTerminationCode) {
  auto* done = static_cast<Exchange*>(*exchange);
  if (done == nullptr) return;
  auto& server = *static_cast<HttpSide*>(self);
  server.drop_body(*done);
  server.cluster_->on_completed(*done);
  if (done->socket != nullptr) server.connections_.on_response_sent(done->socket, monotonic_now());
  delete done;
  *exchange = nullptr;
}

MHD_Result HttpSide::on_request(void* self, MHD_Connection*, const char*, const char* method, const char* version,
                                const char* upload, std::size_t* upload_size, void** exchange_of_connection) {
  auto& server = *static_cast<HttpSide*>(self);
  auto& exchange = *static_cast<Exchange*>(*exchange_of_connection);
  if (!exchange.headers_read) return server.read_headers(exchange, method, version);
  if (*upload_size > 0) {
    const std::string_view part(upload, *upload_size);
    *upload_size = 0;
    return server.read_body(exchange, part);
  }
  if (exchange.response || exchange.listing) return server.send(exchange);
  return server.on_whole(exchange);
}

MHD_Result HttpSide::read_headers(Exchange& exchange, const char* method, const char* version) {
  exchange.headers_read = true;
  const Fields fields = fields_of(exchange.connection);
  RequestHead head{method, exchange.raw_target, version, fields, 0};
  const auto* size = MHD_get_connection_info(exchange.connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  if (size != nullptr) head.size = size->header_size;
  // Where the request ends is not known then, so nothing behind its head is looked at.
  if ((exchange.response = refuse_unclear(head))) return send(exchange);

  const auto header = [&exchange](const char* name) {
    const char* value = MHD_lookup_connection_value(exchange.connection, MHD_HEADER_KIND, name);
    return std::string(value != nullptr ? value : "");
  };
  HttpRequest& request = exchange.request;
  request.headers = {header("Accept"),        header("Content-Type"),    header("If-Match"),
                     header("If-None-Match"), header("Idempotency-Key"), header("Trellis-TTL"),
                     header("Host"),          header("Origin"),          header("Authorization")};
  const auto length = read_length(MHD_lookup_connection_value(exchange.connection, MHD_HEADER_KIND, "Content-Length"));
  exchange.response = refuse_long_head(exchange, fields);
  if (!exchange.response) exchange.response = read_route(exchange, method, length);
  // A refusal takes the place of "100 Continue", and of a body that is too long to be read for politeness' sake.
  const bool asks_first = length.value_or(0) > 0 && !header("Expect").empty();
  if (exchange.response && (asks_first || length.value_or(0) > kUnwantedBodyMax)) return send(exchange);
  exchange.body_unwanted =
      exchange.response.has_value() || exchange.route == nullptr || exchange.route->body == BodyKind::kNone;
  return MHD_YES;
}

/// What the request is for, or why it is refused before its body has come.
std::optional<HttpResponse> HttpSide::read_route(Exchange& exchange, const char* method,
                                                 std::optional<std::uint64_t> length) {
  const auto known_method = method_of(method);
  if (!known_method) return problem(501, Code::kUnimplemented, "the methods are GET, HEAD, PUT, POST and DELETE");
  auto target = read_target(exchange.raw_target);
  if (!target) return problem(400, Code::kInvalidArgument, target.error().message);
  HttpRequest& request = exchange.request;
  request.method = *known_method;
  request.target = std::move(*target);
  // RFC 9112, 3.2.2: a whole URL says whom the request is for, whatever Host says.
  if (!request.target.authority.empty()) request.headers.host = request.target.authority;
  if (!hosts_.admit(request.headers.host)) return Hosts::refusal(request.headers.host);
  const bool is_page_file = request.target.segments.size() == 1 && page_file(request.target.segments[0]);
  auto refusal = is_page_file ? std::nullopt : refuse_early(request, length);
  exchange.route = match(request.method, request.target).route;
  if (!refusal && settings_.asks_for_tokens) refusal = read_token(exchange);
  if (!refusal && length.value_or(0) > settings_.bodies_max - std::min(body_bytes_, settings_.bodies_max)) {
    refusal = problem(503, Code::kUnavailable, "too many large requests at once; try again");
  }
  return refusal;
}

/// The page itself, whether this serves, and what the routes are.
bool HttpSide::is_for_everybody(const Exchange& exchange) const {
  if (exchange.route == nullptr) return true;
  const Service service = exchange.route->service;
  return service == Service::kPage || service == Service::kLive || service == Service::kReady ||
         service == Service::kOpenApi;
}

/// Takes the user's token, or says why the request is refused.  Whether somebody has the token the cluster says.
std::optional<HttpResponse> HttpSide::read_token(Exchange& exchange) {
  if (is_for_everybody(exchange)) return std::nullopt;
  const auto* info = MHD_get_connection_info(exchange.connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  exchange.address = info == nullptr ? std::string() : peer_of(info->connect_fd).host;
  const auto token = bearer_token(exchange.request.headers.authorization);
  if (!token) return unauthenticated("a user's token is asked for: Authorization: Bearer TOKEN");
  const Duration wait = wrong_tokens_.wait_of(exchange.address, monotonic_now());
  if (wait > Duration::zero()) return too_many_wrong_tokens(std::chrono::ceil<std::chrono::seconds>(wait));
  exchange.token_hash = token_hash(*token);
  return std::nullopt;
}

MHD_Result HttpSide::read_body(Exchange& exchange, std::string_view part) {
  exchange.body_size += part.size();
  if (exchange.body_unwanted) return exchange.body_size <= kUnwantedBodyMax ? MHD_YES : MHD_NO;
  if (exchange.body_size > kBodySizeMax || body_bytes_ + part.size() > settings_.bodies_max) {
    exchange.response = exchange.body_size > kBodySizeMax
                            ? too_large("a body", kBodySizeMax)
                            : problem(503, Code::kUnavailable, "too many large requests at once; try again");
    exchange.body_unwanted = true;
    drop_body(exchange);
    return MHD_YES;
  }
  exchange.request.body.append(part);
  exchange.counted += part.size();
  body_bytes_ += part.size();
  return MHD_YES;
}

void HttpSide::drop_body(Exchange& exchange) {
  body_bytes_ -= std::exchange(exchange.counted, 0);
  std::string().swap(exchange.request.body);
}

/// The request has come whole: answers it here, or suspends the connection until the cluster has.
MHD_Result HttpSide::on_whole(Exchange& exchange) {
  exchange.whole = monotonic_now();
  if (exchange.socket != nullptr) connections_.on_request_whole(exchange.socket);
  if (exchange.response || answer_here(exchange)) return send(exchange);
  if (is_check(exchange)) return ask_cluster(exchange);
  auto plan = make_plan(exchange.request);
  drop_body(exchange);
  if (!plan) {
    exchange.response = plan.error();
    return send(exchange);
  }
  exchange.plan = std::move(*plan);
  exchange.plan->token_hash = exchange.token_hash;
  if (exchange.plan->streamed()) exchange.listing = std::make_unique<Listing>(*exchange.plan);
  if (exchange.route->service == Service::kPartitions) {
    exchange.gatherer = std::make_unique<PartitionsGatherer>(*exchange.plan);
  }
  if (exchange.route->service == Service::kConsole) {
    exchange.console = std::make_unique<ConsoleRun>(exchange.plan->line, exchange.plan->all);
    if (!exchange.console->next_arguments()) {
      exchange.response = exchange.console->response();
      return send(exchange);
    }
  }
  return ask_cluster(exchange);
}

MHD_Result HttpSide::ask_cluster(Exchange& exchange) {
  if (cluster_->ask(exchange)) return MHD_YES;
  exchange.response = problem(503, Code::kUnavailable, kStopping);
  exchange.listing.reset();
  return send(exchange);
}

/// Whether the user may know what this gateway tells of itself, the cluster says; then it is answered here.
bool HttpSide::is_check(Exchange& exchange) const {
  const Service service = exchange.route->service;
  const bool is_own = service == Service::kRecent || service == Service::kMetrics;
  if (!is_own) return false;
  exchange.plan.emplace();
  exchange.plan->route = exchange.route;
  exchange.plan->token_hash = exchange.token_hash;
  return true;
}

/// What needs no cluster.
bool HttpSide::answer_here(Exchange& exchange) {
  const Target& target = exchange.request.target;
  const auto file = target.segments.size() == 1 && exchange.request.method != Method::kPut
                        ? page_file(target.segments[0].empty() ? "index.html" : target.segments[0])
                        : std::nullopt;
  if (file) {
    exchange.response = text_response(file->content_type, std::string(file->text));
    exchange.response->headers.emplace_back(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    exchange.response->headers.emplace_back("Cache-Control", "no-cache");
    return true;
  }
  const bool is_open = !settings_.asks_for_tokens || exchange.is_admitted || is_for_everybody(exchange);
  if (!is_open) return false;
  switch (exchange.route->service) {
    case Service::kLive:
      exchange.response = text_response("text/plain; charset=utf-8", "ok\n");
      if (settings_.asks_for_tokens) exchange.response->headers.emplace_back("Trellis-Asks-For", "token");
      return true;
    case Service::kMetrics: exchange.response = metrics(); return true;
    case Service::kRecent:
      cluster_->recent().on_look(monotonic_now());
      exchange.response = text_response("application/json", cluster_->recent().json());
      exchange.response->headers.emplace_back("Cache-Control", "no-store");
      return true;
    case Service::kOpenApi: exchange.response = text_response("application/json", openapi_); return true;
    default: return false;
  }
}

HttpResponse HttpSide::metrics() const {
  return text_response("text/plain; version=0.0.4; charset=utf-8",
                       counts_.text({connections_.count(), cluster_->waiting(), body_bytes_, closed_for_slowness_}));
}

MHD_Response* HttpSide::make_response(Exchange& exchange) {
  if (exchange.listing && !exchange.response->body.empty()) exchange.listing.reset();  // A problem in its place.
  if (exchange.listing) {
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kStreamBlock, &on_stream, new Stream{this, &exchange},
                                             [](void* stream) { delete static_cast<Stream*>(stream); });
  }
  // HEAD of a key has not asked for the document, and so does not know its size.
  const bool unknown_size = exchange.request.method == Method::kHead && exchange.plan &&
                            exchange.response->status == 200 && exchange.plan->route->command == Command::kHas;
  if (unknown_size) {
    return MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, 1,
        [](void*, std::uint64_t, char*, std::size_t) -> ssize_t { return MHD_CONTENT_READER_END_OF_STREAM; }, nullptr,
        nullptr);
  }
  std::string& body = exchange.response->body;  // Lives as long as the exchange, which outlives the sending.
  return MHD_create_response_from_buffer(body.size(), body.data(), MHD_RESPMEM_PERSISTENT);
}

MHD_Result HttpSide::send(Exchange& exchange) {
  MHD_Response* response = make_response(exchange);
  if (response == nullptr) return MHD_NO;
  const HttpResponse& content = *exchange.response;
  const bool is_wrong = content.status == 401 && !exchange.token_hash.empty();
  if (is_wrong) wrong_tokens_.on_wrong(exchange.address, monotonic_now());
  if (is_wrong) MHD_add_response_header(response, "WWW-Authenticate", kBearer);
  if (!content.content_type.empty()) MHD_add_response_header(response, "Content-Type", content.content_type.c_str());
  for (const auto& [name, value] : content.headers) MHD_add_response_header(response, name.c_str(), value.c_str());
  MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  const bool is_data = exchange.plan && content.header("Cache-Control") == nullptr;
  if (is_data) MHD_add_response_header(response, "Cache-Control", "no-cache");
  const MHD_Result sent = MHD_queue_response(exchange.connection, static_cast<unsigned>(content.status), response);
  MHD_destroy_response(response);
  count(exchange);
  return sent;
}

/// The response is on its way.
void HttpSide::count(const Exchange& exchange) {
  const TimePoint now = monotonic_now();
  const int status = exchange.response->status;
  const Method method = exchange.request.method;
  counts_.on_response(exchange.route, method, status, std::chrono::duration<double>(now - exchange.begun).count());
  // How long a client takes to send its request is its own affair.
  if (exchange.whole == TimePoint{} || !slow_log_.is_slow(now - exchange.whole) || !slow_log_.admits(now)) return;
  const Duration took = now - exchange.whole;
  const std::string_view pattern = exchange.route != nullptr ? exchange.route->pattern : "an unknown path";
  const std::string what = std::string(name_of(method)) + " " + std::string(pattern);
  const bool has_key = pattern.find("{key}") != std::string_view::npos;
  const std::string_view key = has_key ? std::string_view(exchange.request.target.segments.at(kKeySegment)) : "";
  const std::string client = peer_of(exchange.socket->fd).text();
  std::string line = slow_log_.head({what, key, client}, took);
  line += ": answered " + std::to_string(status) + ", " + in_milliseconds(exchange.at_broker) + " at the broker, " +
          in_milliseconds(took - exchange.at_broker) + " in the gateway";
  line += 2 * exchange.at_broker >= took ? "; the broker's log tells where its time went"
                                         : "; large documents take their time as JSON: is the machine overloaded?";
  log_warning(line);
}

/// Hands over the next bytes of a listing; where there are none, suspends the connection until the next page is there.
ssize_t HttpSide::on_stream(void* stream, std::uint64_t, char* buffer, std::size_t size) {
  auto& exchange = *static_cast<Stream*>(stream)->exchange;
  auto& server = *static_cast<Stream*>(stream)->server;
  if (exchange.broken) {
    server.counts_.on_broken_listing();
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
  const std::size_t left = exchange.block.size() - exchange.block_at;
  if (left > 0) {
    const std::size_t part = std::min(size, left);
    std::memcpy(buffer, exchange.block.data() + exchange.block_at, part);
    exchange.block_at += part;
    return static_cast<ssize_t>(part);
  }
  if (exchange.listing->finished()) return MHD_CONTENT_READER_END_OF_STREAM;
  return server.cluster_->ask(exchange) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
}

}  // namespace trellis
