#include "client/call_table.hpp"

#include <algorithm>

#include "protocol/check.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;

/// A send that found no pipe is tried again after this long.
constexpr milliseconds kSendAgainAfter{10};
/// Ids are at most 2^63-1; starting below 2^62 leaves room for all a process can ever ask.
constexpr std::uint64_t kFirstIdMask = (1ull << 62) - 1;

std::string random_session(const RandomSource& random) {
  std::string session;
  for (int word = 0; word < 2; ++word) {
    const std::uint64_t bits = random();
    for (int shift = 0; shift < 64; shift += 8) session.push_back(static_cast<char>(bits >> shift));
  }
  return session;
}

bool is_refusal(Code code) { return code == Code::kUnavailable || code == Code::kResourceExhausted; }

/// Whether nothing was done: of all that was asked, or of some item of a BATCH.
bool refuses(const Reply& reply, Command command) {
  if (command != Command::kBatch || reply.status != Code::kOk) return is_refusal(reply.status);
  PackedReader items(reply.result);
  for (std::uint32_t left = items.read_array().value_or(0); left > 0 && items.read_array(); --left) {
    const auto status = code_of(items.read_str().value_or(""));
    if (status && is_refusal(*status)) return true;
    if (!items.read_value() || !items.read_value()) break;
  }
  return false;
}

bool carries_session(Command command) { return is_write(command) || command == Command::kBatch; }

}  // namespace

CallTable::CallTable(std::vector<std::string> endpoints, RandomSource random, CallOutput& output)
    : output_(output), session_(random_session(random)), next_id_((random() & kFirstIdMask) + 1) {
  CHECK(!endpoints.empty());
  for (std::string& endpoint : endpoints) brokers_.push_back({std::move(endpoint), false, {}});
}

std::uint64_t CallTable::begin(TimePoint now, Command command, std::string_view arguments, Options options) {
  if (carries_session(command) && !options.session) {
    options.session = session_;
    options.seq = next_seq_++;
  }
  const std::uint64_t id = next_id_++;
  Call& call = calls_[id];
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
  call.ever_sent = true;
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

void CallTable::on_frame(TimePoint now, std::size_t broker, Frame frame) {
  brokers_[broker].heard = now;
  auto reply = read_reply(frame.bytes());
  if (!reply) return;
  const auto at = calls_.find(reply->id);
  if (at == calls_.end()) return;
  Call& call = at->second;
  if (call.open > 0) --call.open;
  if (reply->status == Code::kUnavailable && now < call.deadline) {
    // Nothing was done.  Another broker may see workers that this one does not; each is asked once.
    const auto next = connected_after(broker);
    const auto connected = std::count_if(brokers_.begin(), brokers_.end(), [](const Broker& b) { return b.connected; });
    if (next && *next != broker && ++call.refusals < static_cast<std::size_t>(connected)) {
      return send_to(now, *next, at->first, call);
    }
  }
  if (is_left_open(call, *reply)) {
    if (now >= call.deadline) end(at, too_late(call, now));
    return;  // Sent again when its timer runs out.
  }
  const std::uint64_t id = at->first;
  calls_.erase(at);
  output_.on_answer(id, {std::move(frame), std::move(*reply)});
}

/// "Nothing was done" speaks for the copy that it answers: an earlier one of a write may still take effect.
bool CallTable::is_left_open(const Call& call, const Reply& reply) const {
  return call.open > 0 && carries_session(call.command) && refuses(reply, call.command);
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

void CallTable::end(Calls::iterator at, Error error) {
  const std::uint64_t id = at->first;
  calls_.erase(at);
  Answer answer;
  answer.reply.id = id;
  answer.reply.status = error.code;
  answer.reply.info.message = std::move(error.message);
  output_.on_answer(id, std::move(answer));
}

Error CallTable::too_late(const Call& call, TimePoint now) const {
  const auto waited = std::chrono::duration_cast<milliseconds>(std::min(now, call.deadline) - call.begun).count();
  const std::string within = " within " + std::to_string(waited) + " ms";
  if (!call.ever_sent) {
    return {Code::kUnavailable, "no broker could be reached at " + endpoints_text() + within +
                                    "; start one (`trellis up`, `trellis-broker`), or name another with -b"};
  }
  std::string message = "no answer from " + endpoints_text() + within;
  if (carries_session(call.command)) message += "; the write may have taken effect, or may still";
  return {Code::kDeadlineExceeded, std::move(message)};
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
