#include "client/call_table.hpp"

#include <algorithm>

#include "protocol/check.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// Said to people at a command line and to programs that link the library.
constexpr const char* kNoBrokerRemedy =
    "; start one (`trellis up`, `trellis-broker`), or name another one (-b at a command line)";

using std::chrono::milliseconds;

/// A send that found no pipe is tried again after this long.
constexpr milliseconds kSendAgainAfter{10};
/// Ids are at most 2^63-1; starting below 2^62 leaves room for all a process can ever ask.
constexpr std::uint64_t kFirstIdMask = (1ull << 62) - 1;

Answer read_answer(std::string packed) {
  Frame frame(std::move(packed));
  auto reply = read_reply(frame.bytes());
  CHECK(bool(reply));
  return {std::move(frame), std::move(*reply)};
}

}  // namespace

CallTable::CallTable(std::vector<std::string> endpoints, const RandomSource& random, CallOutput& output)
    : output_(output), session_(random), next_id_((random() & kFirstIdMask) + 1) {
  CHECK(!endpoints.empty());
  for (std::string& endpoint : endpoints) brokers_.push_back({std::move(endpoint), false, {}, {}, {}});
}

std::uint64_t CallTable::begin(TimePoint now, Command command, std::string_view arguments, Options options) {
  const std::uint64_t id = next_id_++;
  Call& call = calls_[id];
  if (takes_session(command) && !options.session) {
    call.own_seq = session_.issue();
    options.session = session_.id();
    options.seq = call.own_seq;
    options.floor = session_.floor();
  }
  call.request = Frame(pack_request(id, command, arguments, options));
  call.command = command;
  call.begun = now;
  call.deadline = now + options.timeout;
  call.resend_after = std::min<Duration>(options.timeout / kResendFraction, kResendAfterMax);
  if (call.request.size() > kRequestSizeMax) {
    arm(id, call, now);
  } else {
    dispatch(now, id, call);
  }
  return id;
}

void CallTable::forget(std::uint64_t id) {
  if (const auto at = calls_.find(id); at != calls_.end()) erase(at);
}

/// Its seq is not sent any more, whatever becomes of the copies that are under way.
void CallTable::erase(Calls::iterator at) {
  if (at->second.own_seq != 0) session_.on_done(at->second.own_seq);
  calls_.erase(at);
}

/// Sends a call to the current broker, or to the next one that is connected; where none is, it waits.
void CallTable::dispatch(TimePoint now, std::uint64_t id, Call& call) {
  if (!brokers_[current_].connected) current_ = connected_after(current_).value_or(current_);
  if (brokers_[current_].connected) return send_to(now, current_, id, call);
  call.under_way = false;
  arm(id, call, call.deadline);
}

void CallTable::send_to(TimePoint now, std::size_t broker, std::uint64_t id, Call& call) {
  call.under_way = output_.send(broker, call.request);
  if (!call.under_way) return arm(id, call, std::min(now + kSendAgainAfter, call.deadline));
  call.broker = broker;
  ++call.copies;
  ++call.open;
  call.sent = now;
  const TimePoint again = now + call.resend_after;
  call.resend_after *= 2;
  arm(id, call, again < call.deadline ? again : call.deadline + kDeadlineGrace);
}

void CallTable::arm(std::uint64_t id, Call& call, TimePoint due) {
  call.due = due;
  timers_.push({due, id});
}

void CallTable::on_connected(TimePoint now, std::size_t broker) {
  brokers_[broker].connected = true;
  brokers_[broker].key_refused.reset();
  brokers_[broker].handshake_broken.clear();
  ever_connected_ = true;
  for (auto& [id, call] : calls_) {
    if (!call.under_way && call.request.size() <= kRequestSizeMax) dispatch(now, id, call);
  }
}

void CallTable::on_disconnected(TimePoint now, std::size_t broker) {
  brokers_[broker].connected = false;
  // What was under way there is lost, or its reply is.
  for (auto& [id, call] : calls_) {
    if (call.under_way && call.broker == broker) dispatch(now, id, call);
  }
}

void CallTable::on_refused(TimePoint now, std::size_t broker, std::string_view why) {
  if (!brokers_[broker].refused) brokers_[broker].refused = now;
  brokers_[broker].absent_because = why;
  // One that wants a key, or another one, is there.
  const auto is_absent = [now](const Broker& b) {
    return b.refused && !b.key_refused && now - *b.refused >= kStartGrace;
  };
  if (ever_connected_ || !std::all_of(brokers_.begin(), brokers_.end(), is_absent)) return;
  for (auto at = calls_.begin(); at != calls_.end();) {
    const auto next = std::next(at);
    end(at, {Code::kUnavailable, absence_text()});
    at = next;
  }
}

void CallTable::on_handshake_broken(std::size_t broker, std::string_view why) {
  brokers_[broker].refused.reset();
  brokers_[broker].handshake_broken = why;
}

void CallTable::on_key_refused(TimePoint now, std::size_t broker, std::string why) {
  if (!brokers_[broker].key_refused) brokers_[broker].key_refused = now;
  const auto is_closed = [now](const Broker& b) {
    return !b.connected && b.key_refused && now - *b.key_refused >= kKeyGrace;
  };
  if (!std::all_of(brokers_.begin(), brokers_.end(), is_closed)) return;
  for (auto at = calls_.begin(); at != calls_.end();) {
    const auto next = std::next(at);
    // What was sent before may take effect, or have done so.
    const bool is_unsure = at->second.open > 0 && takes_session(at->second.command);
    end(at, is_unsure ? too_late(at->second, now) : Error{Code::kUnauthenticated, why});
    at = next;
  }
}

void CallTable::on_frame(TimePoint now, std::size_t broker, Frame frame) {
  brokers_[broker].heard = now;
  auto reply = read_reply(frame.bytes());
  if (!reply) return;
  const auto at = calls_.find(reply->id);
  if (at == calls_.end()) return;
  if (reply->status == Code::kUnavailable && asks_another(now, broker, *at)) return;
  Call& call = at->second;
  const bool is_last_word = call.copies <= 1 || !takes_session(call.command);
  if (!is_last_word) return on_reply_to_copy(now, at, std::move(frame), *reply);
  finish(at, {std::move(frame), std::move(*reply)});
}

/// Nothing was done.  Another broker may see workers that this one does not; each is asked once.
bool CallTable::asks_another(TimePoint now, std::size_t broker, Calls::value_type& entry) {
  auto& [id, call] = entry;
  const auto next = connected_after(broker);
  if (now >= call.deadline || !next || *next == broker) return false;
  const auto connected = std::count_if(brokers_.begin(), brokers_.end(), [](const Broker& b) { return b.connected; });
  if (call.refusals + 1 >= static_cast<std::size_t>(connected)) return false;
  ++call.refusals;
  if (call.open > 0) --call.open;
  send_to(now, *next, id, call);
  return true;
}

/// A write was sent several times: "nothing was done" speaks for one copy, and any other may still take effect.
void CallTable::on_reply_to_copy(TimePoint now, Calls::iterator at, Frame frame, Reply reply) {
  Call& call = at->second;
  if (call.command == Command::kBatch && reply.status == Code::kOk) return on_batch_copy(now, at, frame, reply);
  if (!is_refusal(reply.status)) return finish(at, {std::move(frame), std::move(reply)});
  if (call.open > 0) --call.open;
  const Error refusal{reply.status, reply.info.message};
  if (call.open == 0) return call.batch ? end(at, refusal) : finish(at, {std::move(frame), std::move(reply)});
  if (now >= call.deadline) end(at, too_late(call, now));
}

void CallTable::on_batch_copy(TimePoint now, Calls::iterator at, const Frame& frame, const Reply& reply) {
  Call& call = at->second;
  if (!call.batch) call.batch = std::make_unique<BatchAnswers>(call.request.bytes());
  if (call.batch->take(frame, reply) && call.open > 0) --call.open;
  if (call.batch->is_complete() || call.open == 0) return finish(at, read_answer(call.batch->pack(at->first, nullptr)));
  if (now >= call.deadline) end(at, too_late(call, now));
}

void CallTable::on_tick(TimePoint now) {
  while (!timers_.empty() && timers_.top().due <= now) {
    const Timer timer = timers_.top();
    timers_.pop();
    const auto at = calls_.find(timer.id);
    if (at != calls_.end() && at->second.due == timer.due) wake_up(now, at);
  }
}

/// A call's timer has run out: it gives up, or is sent again, to another broker if this one has been silent.
void CallTable::wake_up(TimePoint now, Calls::iterator at) {
  auto& [id, call] = *at;
  if (call.request.size() > kRequestSizeMax) {
    return end(
        at, {Code::kResourceExhausted, "the request has " + std::to_string(call.request.size()) + " bytes, at most " +
                                           std::to_string(kRequestSizeMax) + " are allowed"});
  }
  if (now >= call.deadline) return end(at, too_late(call, now));
  if (call.under_way && call.broker == current_ && brokers_[current_].heard <= call.sent) {
    current_ = connected_after(current_).value_or(current_);
  }
  dispatch(now, id, call);
}

/// Ends a call without a reply that says it all: what is known of a BATCH's items stands, the rest gets the error.
void CallTable::end(Calls::iterator at, const Error& error) {
  const BatchAnswers* const batch = at->second.batch.get();
  if (batch != nullptr && !batch->is_empty()) return finish(at, read_answer(batch->pack(at->first, &error)));
  finish(at, read_answer(pack_error(at->first, error)));
}

void CallTable::finish(Calls::iterator at, Answer answer) {
  const std::uint64_t id = at->first;
  erase(at);
  output_.on_answer(id, std::move(answer));
}

Error CallTable::too_late(const Call& call, TimePoint now) const {
  const auto waited = std::chrono::duration_cast<milliseconds>(std::min(now, call.deadline) - call.begun).count();
  const std::string within = " within " + std::to_string(waited) + " ms";
  if (call.copies == 0) {
    const auto ends_handshakes =
        std::find_if(brokers_.begin(), brokers_.end(), [](const Broker& b) { return !b.handshake_broken.empty(); });
    if (ends_handshakes != brokers_.end()) {
      return {Code::kUnavailable,
              ends_handshakes->endpoint + ends_handshakes->handshake_broken + " (tried" + within + ")"};
    }
    return {Code::kUnavailable, "no broker could be reached at " + endpoints_text() + within + kNoBrokerRemedy};
  }
  std::string message = "no answer from " + endpoints_text() + within;
  if (is_write(call.command)) message += "; the write may have taken effect, or may still";
  if (call.command == Command::kBatch) message += "; what it writes may have taken effect, or may still";
  const bool heard =
      std::any_of(brokers_.begin(), brokers_.end(), [](const Broker& b) { return b.heard != TimePoint(); });
  if (!heard) message += "; nothing was ever heard there: is it a broker's frontend (usually port 7400)?";
  return {Code::kDeadlineExceeded, std::move(message)};
}

std::string CallTable::absence_text() const {
  for (const Broker& broker : brokers_) {
    if (!broker.absent_because.empty()) return broker.absent_because;
  }
  return "no broker listens at " + endpoints_text() + kNoBrokerRemedy;
}

std::string CallTable::endpoints_text() const {
  std::string text;
  for (std::size_t i = 0; i < brokers_.size(); ++i) {
    if (i > 0) text += i + 1 == brokers_.size() ? " or " : ", ";
    text += brokers_[i].endpoint;
  }
  return text;
}

/// The next connected broker after `broker`, in a circle that ends with itself.
std::optional<std::size_t> CallTable::connected_after(std::size_t broker) const {
  for (std::size_t step = 1; step <= brokers_.size(); ++step) {
    const std::size_t candidate = (broker + step) % brokers_.size();
    if (brokers_[candidate].connected) return candidate;
  }
  return std::nullopt;
}

std::optional<TimePoint> CallTable::next_due() {
  while (!timers_.empty()) {
    const auto at = calls_.find(timers_.top().id);
    if (at != calls_.end() && at->second.due == timers_.top().due) return timers_.top().due;
    timers_.pop();
  }
  return std::nullopt;
}

}  // namespace trellis
