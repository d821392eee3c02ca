#include "gateway/server.hpp"

#include <microhttpd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <mutex>
#include <unordered_set>

#include "client/client.hpp"
#include "gateway/answer.hpp"
#include "gateway/counts.hpp"
#include "gateway/guard.hpp"
#include "gateway/listing.hpp"
#include "gateway/openapi.hpp"
#include "gateway/page_files.hpp"
#include "gateway/partitions.hpp"
#include "gateway/plan.hpp"
#include "gateway/readiness.hpp"
#include "gateway/visitors.hpp"
#include "program/listen.hpp"
#include "program/log.hpp"
#include "program/process.hpp"
#include "program/slow_log.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Request line and headers: a key of 4096 bytes takes 12 KiB percent-encoded.
constexpr std::size_t kTargetMax = 24 << 10;
constexpr std::size_t kHeadersMax = 24 << 10;
/// The library answers what does not fit in here with a page of its own, and so should come after our own refusals; but
/// it writes over all of it, so every connection that was used costs as much.
constexpr std::size_t kConnectionMemory = 64 << 10;
/// A body that is not wanted is read all the same, up to here, so that its sender comes to read the refusal.
constexpr std::size_t kUnwantedBodyMax = std::size_t{1} << 30;
constexpr std::size_t kStreamBlock = 32 << 10;
constexpr milliseconds kReadyTimeout{1'000};
constexpr milliseconds kTurn{200};
constexpr seconds kDrainTime{10};
constexpr seconds kFarewellTime{1};
constexpr std::string_view kStopping = "the gateway is being stopped; another one may answer";

/// One request and its response.
struct Exchange {
  MHD_Connection* connection = nullptr;
  Visitors::Visitor* visitor = nullptr;
  TimePoint begun;       ///< Its first line was there,
  TimePoint whole;       ///< and all of it.
  TimePoint asked;       ///< The brokers, last.
  Duration at_broker{};  ///< Until they had answered, each time.
  bool headers_read = false;
  bool body_unwanted = false;
  std::size_t body_size = 0;  ///< As it came, also of what was not kept.
  std::size_t counted = 0;    ///< Of the bytes all bodies have together.
  std::string raw_target;
  HttpRequest request;
  const Route* route = nullptr;
  std::optional<Plan> plan;
  std::optional<HttpResponse> response;

  // A streamed listing.
  std::unique_ptr<Listing> listing;
  std::string block;         ///< What of the current page is not yet sent,
  std::size_t block_at = 0;  ///< from here on.
  bool broken = false;

  std::unique_ptr<PartitionsGatherer> gatherer;
  int guard_attempts = 0;  ///< Of a guarded write.
};

class Server : public GatewayServer {
 public:
  explicit Server(const GatewayOptions& options)
      : options_(options), client_(options.brokers), openapi_(openapi_json()), slow_log_(options.slow_after) {}
  ~Server() override;

  Result<void> start();
  void run(const StopSignal& stop) override;

 private:
  // The library's callbacks, on the HTTP thread.
  static void* on_target(void* self, const char* target, MHD_Connection* connection);
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* version, const char* upload, std::size_t* upload_size, void** exchange);
  static void on_completed(void* self, MHD_Connection* connection, void** exchange, MHD_RequestTerminationCode code);
  static void on_connection(void* self, MHD_Connection* connection, void** visitor,
                            MHD_ConnectionNotificationCode code);
  static ssize_t on_stream(void* exchange_and_self, std::uint64_t position, char* buffer, std::size_t size);

  MHD_Result read_headers(Exchange& exchange, const char* method);
  MHD_Result read_body(Exchange& exchange, std::string_view part);
  MHD_Result on_whole(Exchange& exchange);
  bool answer_here(Exchange& exchange);
  bool ask_cluster(Exchange& exchange);
  MHD_Result send(Exchange& exchange);
  MHD_Response* make_response(Exchange& exchange);
  HttpResponse metrics() const;
  void drop_body(Exchange& exchange);
  void count(const Exchange& exchange);

  // On the thread of run().
  void take_inbox();
  void begin(Exchange& exchange);
  void ask_version(Exchange& exchange);
  void learn_cluster();
  void call(Exchange& exchange, Command command, std::string_view arguments, Client::OnAnswer on_answer);
  void on_answer(Exchange& exchange, const Reply& reply);
  void on_page(Exchange& exchange, const Reply& reply);
  void resume(Exchange& exchange);
  void drain();

  struct Stream {
    Server* server;
    Exchange* exchange;
  };

  const GatewayOptions options_;
  MHD_Daemon* daemon_ = nullptr;
  Client client_;
  const std::string openapi_;
  Visitors visitors_;
  GatewayCounts counts_;                    ///< Of the HTTP thread.
  SlowLog slow_log_;                        ///< Of the HTTP thread.
  std::size_t body_bytes_ = 0;              ///< Of the HTTP thread.
  std::atomic<std::size_t> suspended_ = 0;  ///< Exchanges that the cluster's answer is awaited for.
  std::atomic<std::size_t> closed_for_slowness_ = 0;
  enum class Learning : std::uint8_t { kUnknown, kAsked, kKnown };
  Learning cluster_ = Learning::kUnknown;  ///< Of the thread of run(), as is the next.
  bool is_silence_told_ = false;
  std::mutex inbox_mutex_;
  bool closed_ = false;                    ///< The inbox takes no more.
  std::unordered_set<Exchange*> waiting_;  ///< Of the thread of run(): begun, and not yet resumed.
  std::vector<Exchange*> inbox_;           ///< To be begun, or to be given their next page.
};

std::optional<std::uint64_t> read_length(const char* text) {
  if (text == nullptr) return std::nullopt;
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), length);
  return error == std::errc() && *end == '\0' ? std::optional(length) : std::nullopt;
}

Result<void> Server::start() {
  auto fd = listen_at(options_.listen);
  if (!fd) return fd.error();
  // Signals are for the thread of run().
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, nullptr, nullptr, &on_request,
      this, MHD_OPTION_LISTEN_SOCKET, *fd, MHD_OPTION_URI_LOG_CALLBACK, &on_target, this,  //
      MHD_OPTION_NOTIFY_COMPLETED, &on_completed, this, MHD_OPTION_NOTIFY_CONNECTION, &on_connection, this,
      MHD_OPTION_CONNECTION_LIMIT, options_.connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,
      MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(options_.request_time.count()), MHD_OPTION_EXTERNAL_LOGGER,
      +[](void*, const char*, va_list) {}, nullptr, MHD_OPTION_END);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (daemon_ != nullptr) return {};
  close(*fd);
  return Error{Code::kInternal, "cannot start the HTTP library: too few file descriptors or no memory"};
}

Server::~Server() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

// The HTTP thread.

void* Server::on_target(void*, const char* target, MHD_Connection* connection) {
  auto* exchange = new Exchange;
  exchange->connection = connection;
  exchange->begun = monotonic_now();
  exchange->raw_target = target;
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  if (info != nullptr) exchange->visitor = static_cast<Visitors::Visitor*>(info->socket_context);
  return exchange;
}

void Server::on_connection(void* self, MHD_Connection* connection, void** visitor,
                           MHD_ConnectionNotificationCode code) {
  Visitors& visitors = static_cast<Server*>(self)->visitors_;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) return visitors.on_close(static_cast<Visitors::Visitor*>(*visitor));
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  *visitor = visitors.on_open(info->connect_fd, monotonic_now());
}

void Server::on_completed(void* self, MHD_Connection*, void** exchange, MHD_RequestTerminationCode) {
  auto* done = static_cast<Exchange*>(*exchange);
  if (done == nullptr) return;
  auto& server = *static_cast<Server*>(self);
  server.drop_body(*done);
  if (done->visitor != nullptr) server.visitors_.on_response_sent(done->visitor, monotonic_now());
  delete done;
  *exchange = nullptr;
}

MHD_Result Server::on_request(void* self, MHD_Connection*, const char*, const char* method, const char*,
                              const char* upload, std::size_t* upload_size, void** exchange_of_connection) {
  auto& server = *static_cast<Server*>(self);
  auto& exchange = *static_cast<Exchange*>(*exchange_of_connection);
  if (!exchange.headers_read) return server.read_headers(exchange, method);
  if (*upload_size > 0) {
    const std::string_view part(upload, *upload_size);
    *upload_size = 0;
    return server.read_body(exchange, part);
  }
  if (exchange.response || exchange.listing) return server.send(exchange);
  return server.on_whole(exchange);
}

/// Longer ones than these the library refuses with a page of its own.
std::optional<HttpResponse> refuse_long_head(const Exchange& exchange) {
  if (exchange.raw_target.size() > kTargetMax) {
    return problem(414, Code::kInvalidArgument, "a URL has at most " + std::to_string(kTargetMax) + " bytes");
  }
  std::size_t size = 0;
  MHD_get_connection_values_n(
      exchange.connection, MHD_HEADER_KIND,
      [](void* sum, MHD_ValueKind, const char*, std::size_t name, const char*, std::size_t value) {
        *static_cast<std::size_t*>(sum) += name + value + 4;  // ": " and the line's end.
        return MHD_YES;
      },
      &size);
  if (size <= kHeadersMax) return std::nullopt;
  return problem(431, Code::kInvalidArgument, "headers have at most " + std::to_string(kHeadersMax) + " bytes");
}

MHD_Result Server::read_headers(Exchange& exchange, const char* method) {
  exchange.headers_read = true;
  const auto header = [&exchange](const char* name) {
    const char* value = MHD_lookup_connection_value(exchange.connection, MHD_HEADER_KIND, name);
    return std::string(value != nullptr ? value : "");
  };
  HttpRequest& request = exchange.request;
  request.headers = {header("Accept"),          header("Content-Type"), header("If-Match"), header("If-None-Match"),
                     header("Idempotency-Key"), header("Host"),         header("Origin")};
  const auto known_method = method_of(method);
  auto target = read_target(exchange.raw_target);
  if (auto too_long = refuse_long_head(exchange)) {
    exchange.response = std::move(too_long);
  } else if (!known_method) {
    exchange.response = problem(501, Code::kUnimplemented, "the methods are GET, HEAD, PUT, POST and DELETE");
  } else if (!target) {
    exchange.response = problem(400, Code::kInvalidArgument, target.error().message);
  } else {
    request.method = *known_method;
    request.target = std::move(*target);
    const bool is_page_file = request.target.segments.size() == 1 && page_file(request.target.segments[0]);
    const auto length =
        read_length(MHD_lookup_connection_value(exchange.connection, MHD_HEADER_KIND, "Content-Length"));
    if (!is_page_file) exchange.response = refuse_early(request, length);
    exchange.route = match(request.method, request.target).route;
    if (!exchange.response && body_bytes_ + length.value_or(0) > options_.bodies_max) {
      exchange.response = problem(503, Code::kUnavailable, "too many large requests at once; try again");
    }
    // Whoever asks before sending a body gets the refusal in place of "100 Continue".
    if (exchange.response && length.value_or(0) > 0 && !header("Expect").empty()) return send(exchange);
  }
  exchange.body_unwanted =
      exchange.response.has_value() || exchange.route == nullptr || exchange.route->body == BodyKind::kNone;
  return MHD_YES;
}

MHD_Result Server::read_body(Exchange& exchange, std::string_view part) {
  exchange.body_size += part.size();
  if (exchange.body_unwanted) return exchange.body_size <= kUnwantedBodyMax ? MHD_YES : MHD_NO;
  if (exchange.body_size > kBodySizeMax || body_bytes_ + part.size() > options_.bodies_max) {
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

void Server::drop_body(Exchange& exchange) {
  body_bytes_ -= std::exchange(exchange.counted, 0);
  std::string().swap(exchange.request.body);
}

/// The request has come whole: answers it here, or suspends the connection until the cluster has.
MHD_Result Server::on_whole(Exchange& exchange) {
  exchange.whole = monotonic_now();
  if (exchange.visitor != nullptr) visitors_.on_request_whole(exchange.visitor);
  if (exchange.response || answer_here(exchange)) return send(exchange);
  auto plan = make_plan(exchange.request);
  drop_body(exchange);
  if (!plan) {
    exchange.response = plan.error();
    return send(exchange);
  }
  exchange.plan = std::move(*plan);
  if (exchange.plan->streamed()) exchange.listing = std::make_unique<Listing>(*exchange.plan);
  if (exchange.route->service == Service::kPartitions) {
    exchange.gatherer = std::make_unique<PartitionsGatherer>(*exchange.plan);
  }
  if (ask_cluster(exchange)) return MHD_YES;
  exchange.response = problem(503, Code::kUnavailable, kStopping);
  exchange.listing.reset();
  return send(exchange);
}

HttpResponse text_response(std::string_view type, std::string text) {
  HttpResponse response;
  response.content_type = type;
  response.body = std::move(text);
  return response;
}

/// What needs no cluster.
bool Server::answer_here(Exchange& exchange) {
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
  switch (exchange.route->service) {
    case Service::kLive: exchange.response = text_response("text/plain; charset=utf-8", "ok\n"); return true;
    case Service::kMetrics: exchange.response = metrics(); return true;
    case Service::kOpenApi: exchange.response = text_response("application/json", openapi_); return true;
    default: return false;
  }
}

HttpResponse Server::metrics() const {
  return text_response("text/plain; version=0.0.4; charset=utf-8",
                       counts_.text({visitors_.count(), suspended_, body_bytes_, closed_for_slowness_}));
}

/// Suspends the connection and hands the exchange to the thread of run().  False: that one takes no more.
bool Server::ask_cluster(Exchange& exchange) {
  {
    const std::lock_guard lock(inbox_mutex_);
    if (closed_) return false;
    ++suspended_;
    MHD_suspend_connection(exchange.connection);
    inbox_.push_back(&exchange);
  }
  client_.wake();
  return true;
}

MHD_Response* Server::make_response(Exchange& exchange) {
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

MHD_Result Server::send(Exchange& exchange) {
  MHD_Response* response = make_response(exchange);
  if (response == nullptr) return MHD_NO;
  const HttpResponse& content = *exchange.response;
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
void Server::count(const Exchange& exchange) {
  const TimePoint now = monotonic_now();
  const int status = exchange.response->status;
  const Method method = exchange.request.method;
  counts_.on_response(exchange.route, method, status, std::chrono::duration<double>(now - exchange.begun).count());
  // How long a client takes to send its request is its own affair.
  if (exchange.whole == TimePoint{} || !slow_log_.is_slow(now - exchange.whole) || !slow_log_.admits(now)) return;
  const Duration took = now - exchange.whole;
  const std::string_view pattern = exchange.route != nullptr ? exchange.route->pattern : "an unknown path";
  std::string line = slow_log_.head(std::string(name_of(method)) + " " + std::string(pattern), took);
  line += ": answered " + std::to_string(status) + ", " + in_milliseconds(exchange.at_broker) + " at the broker, " +
          in_milliseconds(took - exchange.at_broker) + " in the gateway";
  line += 2 * exchange.at_broker >= took ? "; the broker's log tells where its time went"
                                         : "; large documents take their time as JSON: is the machine overloaded?";
  log_warning(line);
}

/// Hands over the next bytes of a listing; where there are none, suspends the connection until the next page is there.
ssize_t Server::on_stream(void* stream, std::uint64_t, char* buffer, std::size_t size) {
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
  return server.ask_cluster(exchange) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
}

// The thread of run().

void Server::run(const StopSignal& stop) {
  TimePoint looked = monotonic_now();
  learn_cluster();
  while (!stop.requested()) {
    take_inbox();
    client_.run(kTurn);
    const TimePoint now = monotonic_now();
    if (now - looked < seconds(1)) continue;
    looked = now;
    if (cluster_ == Learning::kUnknown) learn_cluster();
    closed_for_slowness_ += visitors_.end_those_waited_for_since(now - options_.request_time);
  }
  drain();
}

/// For the log, whose lines name it.
void Server::learn_cluster() {
  cluster_ = Learning::kAsked;
  Options options;
  options.timeout = kReadyTimeout;
  constexpr std::string_view kNoArguments("\x90", 1);
  client_.start(Command::kStatus, kNoArguments, options, [this](const Answer& answer) {
    const std::string cluster = cluster_of(answer.reply);
    cluster_ = cluster.empty() ? Learning::kUnknown : Learning::kKnown;
    if (!cluster.empty()) set_log_cluster(cluster);
    if (answer.reply.status != Code::kOk && !std::exchange(is_silence_told_, true)) {
      log_warning("no broker answers: " + answer.reply.info.message + "; is one running at the endpoints of -b?");
    }
  });
}

void Server::take_inbox() {
  std::vector<Exchange*> taken;
  {
    const std::lock_guard lock(inbox_mutex_);
    taken.swap(inbox_);
  }
  waiting_.insert(taken.begin(), taken.end());
  for (Exchange* exchange : taken) begin(*exchange);
}

void Server::call(Exchange& exchange, Command command, std::string_view arguments, Client::OnAnswer on_answer) {
  Options options = exchange.plan->options();
  if (exchange.plan->is_guarded) {
    // Several calls share the time of one request, and conditions are the write's.
    const auto spent = std::chrono::duration_cast<milliseconds>(monotonic_now() - exchange.asked);
    options.timeout = std::max(milliseconds(1), options.timeout - spent);
    if (!is_write(command)) {
      options.if_absent = false;
      options.if_version.reset();
    }
  }
  client_.start(command, arguments, options, std::move(on_answer));
}

void Server::begin(Exchange& exchange) {
  exchange.asked = monotonic_now();
  Plan& plan = *exchange.plan;
  Exchange* const at = &exchange;  // It lives as long as it is suspended, which is until its answer.
  if (plan.route->service == Service::kReady) plan.timeout = kReadyTimeout;
  if (exchange.listing) {
    return call(exchange, plan.route->command, exchange.listing->next_arguments(),
                [this, at](Answer answer) { on_page(*at, answer.reply); });
  }
  if (plan.is_guarded) return ask_version(exchange);
  if (!exchange.gatherer) {
    call(exchange, plan.route->command, plan.arguments, [this, at](Answer answer) { on_answer(*at, answer.reply); });
    std::string().swap(plan.arguments);
    return;
  }
  call(exchange, Command::kStatus, plan.arguments, [this, at](Answer answer) {
    const auto calls = at->gatherer->on_status(answer.reply);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      call(*at, Command::kLocate, calls[i], [this, at, i](Answer located) {
        at->gatherer->on_located(i, located.reply);
        if ((at->response = at->gatherer->take_response())) resume(*at);
      });
    }
    if ((at->response = at->gatherer->take_response())) resume(*at);
  });
}

/// The conditions of a guarded write are judged by the version that is there now.
void Server::ask_version(Exchange& exchange) {
  Exchange* const at = &exchange;
  ++exchange.guard_attempts;
  call(exchange, Command::kHas, version_arguments(*exchange.plan), [this, at](const Answer& has) {
    if ((at->response = judge_version(*at->plan, has.reply))) return resume(*at);
    call(*at, at->plan->route->command, at->plan->arguments, [this, at](const Answer& written) {
      if (!was_overtaken(*at->plan, written.reply)) return on_answer(*at, written.reply);
      if (at->guard_attempts < kGuardAttemptsMax && monotonic_now() - at->asked < at->plan->timeout) {
        return ask_version(*at);
      }
      at->response = given_up_on();
      resume(*at);
    });
  });
}

void Server::on_answer(Exchange& exchange, const Reply& reply) {
  const Plan& plan = *exchange.plan;
  exchange.response = plan.route->service == Service::kReady ? readiness(reply, plan.verbose) : answer(plan, reply);
  resume(exchange);
}

/// The first page decides the response's head; a later one can only go on with it, or break off.
void Server::on_page(Exchange& exchange, const Reply& reply) {
  const bool first = !exchange.response;
  auto text = exchange.listing->on_page(reply);
  if (text) {
    exchange.block = std::move(*text);
    exchange.block_at = 0;
  } else if (first) {
    exchange.response = answer(*exchange.plan, reply);
    return resume(exchange);
  } else {
    log_warning("a listing breaks off: " + text.error().message +
                "; its reader sees the end missing, and has to ask again");
    exchange.broken = true;
  }
  if (first) {
    HttpResponse head;
    head.content_type = content_type_of(exchange.plan->format);
    head.headers.emplace_back("Vary", "Accept");
    add_marks(head, reply.info);
    exchange.response = std::move(head);
  }
  resume(exchange);
}

void Server::resume(Exchange& exchange) {
  if (exchange.asked != TimePoint{}) exchange.at_broker += monotonic_now() - exchange.asked;
  waiting_.erase(&exchange);
  --suspended_;
  MHD_resume_connection(exchange.connection);
}

/// Takes no more connections and gives those under way some time to come to their end; what still waits then is sent
/// away.
void Server::drain() {
  const int listening = MHD_quiesce_daemon(daemon_);
  if (listening >= 0) close(listening);
  const TimePoint end = monotonic_now() + kDrainTime;
  while (visitors_.busy() > 0 && monotonic_now() < end) {
    take_inbox();
    client_.run(milliseconds(20));
  }
  {
    const std::lock_guard lock(inbox_mutex_);
    closed_ = true;
  }
  take_inbox();
  while (!waiting_.empty()) {
    Exchange& exchange = **waiting_.begin();
    exchange.broken = exchange.response.has_value();
    if (!exchange.broken) exchange.response = problem(503, Code::kUnavailable, kStopping);
    resume(exchange);
  }
  const TimePoint sent = monotonic_now() + kFarewellTime;
  while (visitors_.busy() > 0 && monotonic_now() < sent) client_.run(milliseconds(20));
  MHD_stop_daemon(std::exchange(daemon_, nullptr));
}

}  // namespace

Result<std::unique_ptr<GatewayServer>> GatewayServer::listen(const GatewayOptions& options) {
  auto server = std::make_unique<Server>(options);
  if (auto started = server->start(); !started) return started.error();
  return std::unique_ptr<GatewayServer>(std::move(server));
}

}  // namespace trellis
