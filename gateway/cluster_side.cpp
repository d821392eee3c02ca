#include "gateway/cluster_side.hpp"

#include <algorithm>
#include <utility>

#include "gateway/answer.hpp"
#include "gateway/preconditions.hpp"
#include "gateway/readiness.hpp"
#include "program/log.hpp"
#include "program/process.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kReadyTimeout{1'000};
constexpr seconds kLearnEvery{1};
constexpr std::string_view kNoArguments("\x90", 1);
constexpr std::string_view kStopping = "the gateway is being stopped; another one may answer";
constexpr std::string_view kManyListings = "too many listings at once, and none of them ended in time; try again later";
/// A page of a listing that has begun is asked for anew for so long: reading it again harms nobody, breaking off does.
constexpr seconds kPagePatience{10};
/// A broker that refuses at once, since it was held up, has caught up by then.
constexpr milliseconds kPageRetryAfter{200};

bool may_pass(Code status) { return status == Code::kUnavailable || status == Code::kDeadlineExceeded; }

/// For how long a page that failed is asked for again.  A listing that has begun is not to break off; one that has not
/// has its own time, and is refused where that is over.
Duration patience_with(const Exchange& exchange, Code status) {
  if (exchange.response) return kPagePatience;
  return status == Code::kUnavailable ? exchange.plan->timeout - kPageRetryAfter : Duration{};
}

}  // namespace

ClusterSide::ClusterSide(const std::vector<std::string>& brokers, const std::optional<UserKey>& user,
                         ConnectionHooks hooks, OwnCounts own_counts)
    : hooks_(std::move(hooks)), own_counts_(std::move(own_counts)), client_(brokers, Client::Absent::kAwait, user) {}

// The HTTP thread.

bool ClusterSide::ask(Exchange& exchange) {
  {
    const std::lock_guard lock(inbox_mutex_);
    if (closed_) return false;
    ++suspended_;
    hooks_.suspend(exchange);
    inbox_.push_back(&exchange);
  }
  client_.wake();
  return true;
}

void ClusterSide::on_completed(const Exchange& exchange) {
  if (!exchange.has_turn) return;
  {
    const std::lock_guard lock(inbox_mutex_);
    if (closed_) return;
    ++ended_listings_;
  }
  client_.wake();
}

// The thread of run_turn().

void ClusterSide::run_turn(milliseconds wait) {
  take_inbox();
  take_turns(monotonic_now());
  client_.run(wait);
  const TimePoint now = monotonic_now();
  if (recent_.take_due(now)) sample_recent(now);
  if (cluster_ == Learning::kUnknown && now >= learn_due_) {
    learn_due_ = now + kLearnEvery;
    learn_cluster();
  }
}

/// For the log, whose lines name it.
void ClusterSide::learn_cluster() {
  cluster_ = Learning::kAsked;
  Options options;
  options.timeout = kReadyTimeout;
  client_.start(Command::kStatus, kNoArguments, options, [this](const Answer& answer) {
    const std::string cluster = cluster_of(answer.reply);
    cluster_ = cluster.empty() ? Learning::kUnknown : Learning::kKnown;
    if (!cluster.empty()) set_log_cluster(cluster);
    if (answer.reply.status != Code::kOk && !std::exchange(is_silence_told_, true)) {
      log_warning("no broker answers: " + answer.reply.info.message + "; is one running at the endpoints of -b?");
    }
  });
}

/// A point without the cluster's part is one too: its line has a gap there.
void ClusterSide::sample_recent(TimePoint) {
  Options options;
  options.timeout = kReadyTimeout;
  options.load = true;
  client_.start(Command::kMembers, kNoArguments, options,
                [this](const Answer& answer) { recent_.on_sample(monotonic_now(), answer.reply, own_counts_()); });
}

void ClusterSide::take_inbox() {
  std::vector<Exchange*> taken;
  std::size_t ended = 0;
  {
    const std::lock_guard lock(inbox_mutex_);
    taken.swap(inbox_);
    ended = std::exchange(ended_listings_, 0);
  }
  for (; ended > 0; --ended) turns_.on_end();
  waiting_.insert(taken.begin(), taken.end());
  for (Exchange* exchange : taken) begin(*exchange);
}

void ClusterSide::call(Exchange& exchange, Command command, std::string_view arguments, Client::OnAnswer on_answer) {
  Options options = exchange.plan->options();
  if (exchange.plan->has_preconditions) {
    // Several calls share the time of one request, and conditions are the write's.
    const auto spent = std::chrono::duration_cast<milliseconds>(monotonic_now() - exchange.asked);
    options.timeout = std::max(milliseconds(1), options.timeout - spent);
    if (!is_write(command)) {
      options.if_absent = false;
      options.if_version.reset();
      options.ttl_ms.reset();
    }
  }
  client_.start(command, arguments, options, std::move(on_answer));
}

void ClusterSide::begin(Exchange& exchange) {
  exchange.asked = monotonic_now();
  Plan& plan = *exchange.plan;
  if (plan.route->service == Service::kReady) plan.timeout = kReadyTimeout;
  if (plan.route->service == Service::kRecent || plan.route->service == Service::kMetrics) return check(exchange);
  if (exchange.listing) return turns_.on_want(exchange, exchange.has_turn, exchange.asked);
  if (exchange.console) return begin_console(exchange);
  if (exchange.gatherer) return begin_partitions(exchange);
  if (plan.has_preconditions) return ask_version(exchange);
  Exchange* const at = &exchange;  // It lives as long as it is suspended, which is until its answer.
  call(exchange, plan.route->command, plan.arguments,
       [this, at](const Answer& answer) { on_answer(*at, answer.reply); });
  std::string().swap(plan.arguments);
}

/// Whether the user may look at the cluster; what is asked for the gateway knows itself.
void ClusterSide::check(Exchange& exchange) {
  Exchange* const at = &exchange;
  call(exchange, Command::kStatus, kNoArguments, [this, at](const Answer& status) {
    at->is_admitted = status.reply.status == Code::kOk;
    if (!at->is_admitted) {
      at->response = problem(status_of(status.reply.status), status.reply.status, status.reply.info.message);
    }
    resume(*at);
  });
}

void ClusterSide::begin_console(Exchange& exchange) {
  Exchange* const at = &exchange;
  const Statement& statement = exchange.console->statement();
  Options options = statement.request_options();
  const Options own = exchange.plan->options();
  options.as = own.as;
  options.as_token = own.as_token;
  client_.start(statement.command, *exchange.console->next_arguments(), options, [this, at](const Answer& answer) {
    at->console->on_reply(answer.reply);
    if (at->console->next_arguments()) return begin_console(*at);
    at->response = at->console->response();
    resume(*at);
  });
}

void ClusterSide::begin_partitions(Exchange& exchange) {
  Exchange* const at = &exchange;
  call(exchange, Command::kStatus, exchange.plan->arguments, [this, at](const Answer& answer) {
    const auto calls = at->gatherer->on_status(answer.reply);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      call(*at, Command::kLocate, calls[i], [this, at, i](const Answer& located) {
        at->gatherer->on_located(i, located.reply);
        if ((at->response = at->gatherer->take_response())) resume(*at);
      });
    }
    if ((at->response = at->gatherer->take_response())) resume(*at);
  });
}

void ClusterSide::take_turns(TimePoint now) {
  for (Exchange* overdue : turns_.take_overdue(now)) {
    overdue->response = problem(503, Code::kUnavailable, kManyListings);
    resume(*overdue);
  }
  for (Exchange* ready : turns_.take_ready()) {
    ready->has_turn = true;
    ready->page_wanted = now;
    ask_page(*ready);
  }
  const auto due_from =
      std::stable_partition(retries_.begin(), retries_.end(), [now](const Retry& retry) { return retry.at > now; });
  const std::vector<Retry> due(due_from, retries_.end());
  retries_.erase(due_from, retries_.end());
  for (const Retry& retry : due) ask_page(*retry.exchange);
}

void ClusterSide::ask_page(Exchange& exchange) {
  Exchange* const at = &exchange;
  call(exchange, exchange.plan->route->command, exchange.listing->next_arguments(),
       [this, at](const Answer& answer) { on_page(*at, answer.reply); });
}

/// The conditions of a write with preconditions are checked by the version that is there now.
void ClusterSide::ask_version(Exchange& exchange) {
  Exchange* const at = &exchange;
  ++exchange.precondition_attempts;
  call(exchange, Command::kHas, version_arguments(*exchange.plan), [this, at](const Answer& has) {
    if ((at->response = check_version(*at->plan, has.reply))) return resume(*at);
    call(*at, at->plan->route->command, at->plan->arguments, [this, at](const Answer& written) {
      if (!was_overtaken(*at->plan, written.reply)) return on_answer(*at, written.reply);
      if (at->precondition_attempts < kPreconditionAttemptsMax && monotonic_now() - at->asked < at->plan->timeout) {
        return ask_version(*at);
      }
      at->response = given_up_on();
      resume(*at);
    });
  });
}

void ClusterSide::on_answer(Exchange& exchange, const Reply& reply) {
  const Plan& plan = *exchange.plan;
  exchange.response = plan.route->service == Service::kReady ? readiness(reply, plan.verbose) : answer(plan, reply);
  resume(exchange);
}

/// The first page decides the response's head; a later one can only go on with it, or break off.
void ClusterSide::on_page(Exchange& exchange, const Reply& reply) {
  const bool first = !exchange.response;
  const TimePoint now = monotonic_now();
  if (may_pass(reply.status) && now - exchange.page_wanted < patience_with(exchange, reply.status)) {
    return retries_.push_back({now + kPageRetryAfter, &exchange});
  }
  turns_.on_page();
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

void ClusterSide::resume(Exchange& exchange) {
  if (exchange.asked != TimePoint{}) exchange.at_broker += monotonic_now() - exchange.asked;
  waiting_.erase(&exchange);
  --suspended_;
  hooks_.resume(exchange);
}

void ClusterSide::close() {
  {
    const std::lock_guard lock(inbox_mutex_);
    closed_ = true;
    waiting_.insert(inbox_.begin(), inbox_.end());
    inbox_.clear();
  }
  retries_.clear();
  while (!waiting_.empty()) {
    Exchange& exchange = **waiting_.begin();
    exchange.broken = exchange.response.has_value();
    if (!exchange.broken) exchange.response = problem(503, Code::kUnavailable, kStopping);
    resume(exchange);
  }
}

}  // namespace trellis
