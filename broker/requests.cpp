#include "broker/requests.hpp"

#include <algorithm>

#include "broker/merge/make_merger.hpp"
#include "broker/report.hpp"
#include "protocol/check.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// A frame beyond this is no command on one key that could be good: it is checked here rather than passed on.
constexpr std::size_t kGoodFrameSizeMax = kDocumentSizeMax + kKeySizeMax + 1024;
constexpr std::uint64_t kTicksBetweenSweeps = 1000;
/// Calls under way, for each request that may be.
constexpr std::size_t kCallsPerRequest = 2;
/// Clients that have gone leave their records behind until there are this many.
constexpr std::size_t kIdleClientsMin = 64;

LegResult failed(Error error) {
  LegResult result;
  result.error = std::move(error);
  return result;
}

Error out_of_time() { return {Code::kDeadlineExceeded, "no answer in time"}; }
Error too_much_under_way() { return {Code::kResourceExhausted, "this broker has too much under way; try again later"}; }

/// The status of a reply frame, from its head alone: [version, id, status, ...
Code status_of(const Frame& reply) {
  PackedReader reader(reply.bytes());
  if (!reader.read_array() || !reader.read_int() || !reader.read_uint()) return Code::kInternal;
  return code_of(reader.read_str().value_or("")).value_or(Code::kInternal);
}

}  // namespace

Requests::Requests(const Parts& parts, const RandomSource& random, TimePoint now)
    : options_(parts.options),
      output_(parts.output),
      registry_(parts.registry),
      router_(parts.router),
      formation_(parts.formation),
      access_(parts.access),
      freeze_guard_(parts.freeze_guard),
      session_(random),
      deadlines_(now),
      pool_(random()),
      slow_log_(parts.options.slow) {}

Requests::Client& Requests::client_of(std::string_view routing_id) {
  Client& client = clients_[std::string(routing_id)];
  if (client.number == 0) {
    client.routing_id = routing_id;
    client.number = ++last_client_;
  }
  return client;
}

void Requests::refuse(const ClientMessage& message, std::uint64_t id, const Error& error) {
  ++counts_.refused;
  output_.to_client({message.routing_id.bytes(), message.envelope}, Frame(pack_error(id, error)));
}

std::optional<Error> Requests::over_a_bound(const Client& client, const Frame& frame) const {
  const auto exhausted = [](std::string message) { return Error{Code::kResourceExhausted, std::move(message)}; };
  if (client.under_way >= options_.limits.requests_per_client) {
    return exhausted("this client has " + std::to_string(client.under_way) +
                     " requests under way; wait for replies before sending more");
  }
  if (pool_.used() >= options_.limits.requests || bytes_ + frame.size() > options_.limits.bytes) {
    return exhausted("this broker has " + std::to_string(pool_.used()) + " requests of " + std::to_string(bytes_) +
                     " bytes under way; try again later");
  }
  return std::nullopt;
}

void Requests::on_client_message(Frames& frames, TimePoint now, const Asker& asker) {
  now_ = now;
  ClientMessage message = split_message(frames);
  if (message.problem != nullptr) return refuse(message, 0, invalid_argument(message.problem));
  auto read = read_request(message.request.bytes());
  if (const auto* bad = std::get_if<BadRequest>(&read)) return refuse(message, bad->id, bad->error);
  const Request& request = std::get<Request>(read);
  if (answer_at_once(message, request, asker, now)) return;
  if (freeze_guard_.is_doubtful(now)) {
    return refuse(message, request.id,
                  {Code::kUnavailable,
                   "not sent on: this broker did not run for a while, and cannot tell when this was asked; ask again"});
  }
  Client& client = client_of(message.routing_id.bytes());
  client.asker = asker;
  if (const auto error = over_a_bound(client, message.request)) return refuse(message, request.id, *error);

  Entry& entry = pool_.acquire();
  entry.client = &client;
  ++client.under_way;
  entry.envelope = std::move(message.envelope);
  entry.frame = std::move(message.request);
  bytes_ += entry.frame.size();
  entry.request = request;
  entry.begun = now;
  entry.deadline = now + request.options.timeout;
  entry.own_seq = 0;
  entry.subrequests = 0;
  entry.slowest = {};
  deadlines_.set(entry.timer, entry.deadline, entry.tag);
  if (takes_long(entry)) return put_off_.add(client.number, entry.tag);
  begin(entry, now);
  settle(now);
}

bool Requests::answer_at_once(const ClientMessage& message, const Request& request, const Asker& asker, TimePoint now) {
  if (row_of(request.command).reach != Reach::kBroker) return false;
  std::shared_ptr<const Permissions> permissions;
  if (const auto refused = refusal(asker, request, permissions)) {
    counts_.on_reply(request.command, refused->code, Duration::zero());
    tell_audit(asker, permissions.get(), request, message.request, answer_of(*refused));
    output_.to_client({message.routing_id.bytes(), message.envelope}, Frame(pack_error(request.id, *refused)));
    return true;
  }
  if (const auto arguments = read_nothing(request.arguments); !arguments) {
    refuse(message, request.id, arguments.error());
    return true;
  }
  std::string result;
  switch (row_of(request.command).result) {
    case ResultType::kStatus: result = pack_report(report_status(options_, router_, registry_, now)); break;
    case ResultType::kMembers:
      result = pack_report(report_members(router_, registry_, now), request.options.load);
      break;
    default: PackedWriter(result).str("PONG"); break;
  }
  Reply reply;
  reply.id = request.id;
  reply.result = result;
  counts_.on_reply(request.command, Code::kOk, Duration::zero());
  output_.to_client({message.routing_id.bytes(), message.envelope}, Frame(pack_reply(reply)));
  return true;
}

void Requests::begin(Entry& entry, TimePoint now) {
  if (const auto refused = refusal(entry.client->asker, entry.request, entry.permissions)) {
    return finish(entry, answer_of(*refused));
  }
  if (!formation_.formed()) {
    if (const auto checked = check_arguments(entry.request); !checked) return finish(entry, answer_of(checked.error()));
    if (const auto obstacle = obstacle_to_all(now)) return finish(entry, answer_of(*obstacle));
    parked_.push_back(entry.tag);
    return;
  }
  if (is_on_one_key(entry.request.command)) return begin_on_one_key(entry, now);
  if (row_of(entry.request.command).reach == Reach::kKeeper) return begin_at_keeper(entry, now);
  if (row_of(entry.request.command).reach == Reach::kMembers) return begin_recovery(entry, now);
  if (row_of(entry.request.command).reach == Reach::kOnePartition) return begin_on_one_partition(entry, now);
  if (row_of(entry.request.command).reach != Reach::kMap) return begin_merged(entry, now);
  const auto key = read_key(entry.request.arguments);
  if (!key) return finish(entry, answer_of(key.error()));
  MergedAnswer answer;
  answer.result = pack_report(report_location(*key, router_));
  finish(entry, std::move(answer));
}

/// Why requests that need the cluster cannot be served, and are not worth waiting with; nothing where they wait.
std::optional<Error> Requests::obstacle_to_all(TimePoint now) const {
  if (!registry_.warmed_up()) return std::nullopt;
  std::string obstacle = formation_.obstacle(now);
  if (obstacle.empty()) return std::nullopt;
  return Error{Code::kUnavailable, std::move(obstacle)};
}

void Requests::begin_on_one_key(Entry& entry, TimePoint now) {
  const Request& request = entry.request;
  const auto key = read_routing_key(request.command, request.arguments);
  if (!key) return finish(entry, answer_of(key.error()));
  if (entry.frame.size() > kGoodFrameSizeMax) {
    const auto checked = check_arguments(request.command, request.arguments, dialect_of(request.options));
    if (!checked) return finish(entry, answer_of(checked.error()));
  }
  Subrequest subrequest;
  subrequest.partition = partition_of(*key, router_.partition_count());
  subrequest.client = entry.client->number;
  subrequest.command = request.command;
  subrequest.id = request.id;
  subrequest.stale = request.options.stale;
  subrequest.writes = is_write(request.command);
  subrequest.body = entry.frame.slice(request.body);
  const WriteIdentity identity = subrequest.writes ? identity_of(entry) : WriteIdentity{};
  const Tag tag = entry.tag;
  const Tag call = calls_->start(tag, std::move(subrequest), identity, entry.deadline, now);
  if (call != 0) entry.asked.push_back({call, 0});
}

/// Asked again until the leader of partition 0 has answered: what it asks for may be repeated.
void Requests::begin_at_keeper(Entry& entry, TimePoint now) {
  if (const auto checked = check_arguments(entry.request); !checked) return finish(entry, answer_of(checked.error()));
  Subrequest subrequest;
  subrequest.kind = RequestKind::kCluster;
  subrequest.client = entry.client->number;
  subrequest.writes = true;
  subrequest.body = entry.frame;
  const WriteIdentity identity = identity_of(entry);
  const Tag tag = entry.tag;
  const Tag call = calls_->start(tag, std::move(subrequest), identity, entry.deadline, now);
  if (call != 0) entry.asked.push_back({call, 0});
}

void Requests::begin_merged(Entry& entry, TimePoint now) {
  const auto leader_of = [this](PartitionId partition) {
    const WorkerRecord* const leader = router_.leader(partition);
    return leader == nullptr ? WorkerId{} : leader->hello.id;
  };
  auto merger = make_merger(entry.request, entry.frame, router_.partition_count(), options_.limits, leader_of,
                            entry.permissions.get());
  if (!merger) return finish(entry, answer_of(merger.error()));
  entry.merger = std::move(*merger);
  note_refused_items(entry);
  Merger::Step step = entry.merger->start();
  // Before anything is sent: of a BATCH that has gone out in part nobody may say that nothing was done.
  if (!step.answer && !has_room_for(step.subrequests.size())) return finish(entry, answer_of(too_much_under_way()));
  take_step(entry, std::move(step), now);
}

bool Requests::has_room_for(std::size_t subrequests) const {
  return calls_->under_way() + subrequests <= kCallsPerRequest * options_.limits.requests;
}

WriteIdentity Requests::identity_of(Entry& entry) {
  WriteIdentity identity;
  if (entry.request.options.session) {
    identity.session = *entry.request.options.session;
    identity.seq = entry.request.options.seq;
    identity.floor = entry.request.options.floor;
    return identity;
  }
  if (entry.own_seq == 0) entry.own_seq = session_.issue();
  identity.own = true;
  identity.session = session_.id();
  identity.seq = entry.own_seq;
  return identity;
}

void Requests::take_step(Entry& entry, Merger::Step step, TimePoint now) {
  if (step.answer) return finish(entry, std::move(*step.answer));
  for (Subrequest& subrequest : step.subrequests) {
    const std::uint32_t number = subrequest.number;
    if (!has_room_for(1)) {
      // What the request asked for before is under way, or done: its merger says what this subrequest's end means.
      done_.push_back({entry.tag, number, failed(too_much_under_way())});
      continue;
    }
    subrequest.client = entry.client->number;
    const WriteIdentity identity = subrequest.writes ? identity_of(entry) : WriteIdentity{};
    const Tag call = calls_->start(entry.tag, std::move(subrequest), identity, entry.deadline, now);
    if (call != 0) entry.asked.push_back({call, number});
  }
}

void Requests::on_call_done(Tag owner, std::uint32_t subrequest, LegResult result, TimePoint now) {
  now_ = now;
  Entry* const entry = pool_.find(owner);
  CHECK(entry != nullptr);
  note_times(*entry, result.times);
  if (entry->merger == nullptr) return finish_single(*entry, std::move(result));
  done_.push_back({owner, subrequest, std::move(result)});
}

void Requests::settle(TimePoint now) {
  now_ = now;
  while (!done_.empty()) {
    Done done = std::move(done_.front());
    done_.pop_front();
    Entry* const entry = pool_.find(done.entry);
    if (entry == nullptr || entry->assembly != nullptr) continue;  // Answered without it.
    take_step(*entry, entry->merger->on_subrequest(done.subrequest, std::move(done.result)), now);
  }
}

void Requests::on_cluster_changed(TimePoint now) {
  now_ = now;
  const bool formed = formation_.formed();
  const auto obstacle = formed ? std::nullopt : obstacle_to_all(now);
  if (!formed && !obstacle) return;
  std::vector<Tag> parked;
  parked.swap(parked_);
  for (const Tag tag : parked) {
    Entry* const entry = pool_.find(tag);
    if (entry == nullptr) continue;  // Its time was up.
    formed ? begin(*entry, now) : finish(*entry, answer_of(*obstacle));
  }
  settle(now);
}

void Requests::on_tick(TimePoint now) {
  now_ = now;
  due_.clear();
  deadlines_.take_due(now, due_);
  for (const Tag tag : due_) {
    if (Entry* const entry = pool_.find(tag)) expire(*entry);
  }
  if (!parked_.empty()) on_cluster_changed(now);
  if (++ticks_ % kTicksBetweenSweeps != 0) return;
  forget_idle_clients();
  std::erase_if(parked_, [this](Tag tag) { return pool_.find(tag) == nullptr; });
}

void Requests::expire(Entry& entry) {
  if (entry.assembly != nullptr) {
    assemble(entry, kWithoutEnd);
    return;
  }
  if (entry.merger != nullptr) return expire_merged(entry);
  if (!entry.asked.empty()) {
    LegResult result = calls_->expire(entry.asked.front().call, entry.request.options.timeout, now_);
    note_times(entry, result.times);
    return finish_single(entry, std::move(result));
  }
  finish(entry,
         answer_of({Code::kDeadlineExceeded,
                    "no answer within " + std::to_string(entry.request.options.timeout.count()) + " ms: " +
                        (formation_.formed() ? "this broker has too much to do" : "the cluster is not there yet") +
                        "; it gave this to no worker"}));
}

void Requests::expire_merged(Entry& entry) {
  std::deque<std::pair<std::uint32_t, LegResult>> ended;
  for (Done& done : done_) {
    if (done.entry == entry.tag) ended.emplace_back(done.subrequest, std::move(done.result));
  }
  for (const Asked& asked : entry.asked) {
    if (calls_->is_under_way(asked.call)) {
      ended.emplace_back(asked.subrequest, calls_->expire(asked.call, entry.request.options.timeout, now_));
      note_times(entry, ended.back().second.times);
    }
  }
  while (!ended.empty()) {
    auto [number, result] = std::move(ended.front());
    ended.pop_front();
    Merger::Step step = entry.merger->on_subrequest(number, std::move(result));
    if (step.answer) return finish(entry, std::move(*step.answer));
    for (const Subrequest& subrequest : step.subrequests) ended.emplace_back(subrequest.number, failed(out_of_time()));
  }
  finish(entry, answer_of(out_of_time()));
}

void Requests::finish_single(Entry& entry, LegResult result) {
  if (result.error) return finish(entry, answer_of(std::move(*result.error)));
  // The usual case: nothing is to be added, so the worker's frame goes on as it came.
  const bool is_audited = row_of(entry.request.command).cluster >= ClusterRight::kOperate;
  if (result.guaranteed && router_.warning().empty() && !is_audited) return finish_with(entry, std::move(result.body));
  auto reply = read_reply(result.body.bytes());
  if (!reply)
    return finish(entry, answer_of({Code::kInternal, "a worker's reply cannot be read: " + reply.error().message}));
  MergedAnswer answer;
  answer.status = reply->status;
  answer.result = reply->result;
  answer.info = std::move(reply->info);
  if (!result.guaranteed) answer.info.guaranteed = false;
  finish(entry, std::move(answer));
}

void Requests::finish(Entry& entry, MergedAnswer answer) {
  if (is_audited(entry.request, answer.status)) {
    tell_audit(entry.client->asker, entry.permissions.get(), entry.request, entry.frame, answer);
  }
  if (!router_.warning().empty() && row_of(entry.request.command).reach != Reach::kMap) {
    answer.info.warnings.push_back(router_.warning());
  }
  if (!answer.outcomes.empty()) return begin_assembly(entry, std::move(answer));
  Reply reply;
  reply.id = entry.request.id;
  reply.status = answer.status;
  reply.result = answer.result;
  reply.info = std::move(answer.info);
  finish_with(entry, Frame(pack_reply(reply)));
}

void Requests::cancel_calls(Entry& entry) {
  for (const Asked& asked : entry.asked) calls_->cancel(asked.call);
  entry.asked.clear();
}

void Requests::finish_with(Entry& entry, Frame reply) {
  cancel_calls(entry);
  entry.merger.reset();
  entry.assembly.reset();
  entry.permissions.reset();
  if (entry.own_seq != 0) session_.on_done(entry.own_seq);
  deadlines_.clear(entry.timer);
  const Duration took = now_ - entry.begun;
  counts_.on_reply(entry.request.command, status_of(reply), took);
  if (slow_log_.is_slow(took)) tell_slow(entry, took);
  --entry.client->under_way;
  bytes_ -= entry.frame.size();
  output_.to_client({entry.client->routing_id, entry.envelope}, std::move(reply));
  entry.envelope.clear();
  entry.frame = Frame();
  pool_.release(entry);
}

void Requests::note_times(Entry& entry, const LegTimes& times) {
  if (entry.subrequests++ == 0 || times.total() > entry.slowest.total()) entry.slowest = times;
}

/// Empty where it has none, or several.
std::string_view Requests::key_of(const Entry& entry) {
  if (!is_on_one_key(entry.request.command)) return {};
  const auto key = read_routing_key(entry.request.command, entry.request.arguments);
  return key ? *key : std::string_view();
}

/// Names the part that took longest, and what to do about it.
void Requests::tell_slow(const Entry& entry, Duration took) {
  if (!slow_log_.admits(now_)) return;
  const std::string client = output_.address_of(entry.frame);
  std::string line = slow_log_.head({name_of(entry.request.command), key_of(entry), client}, took);
  LogSubject subject;
  if (entry.subrequests == 0) {
    line += ": it waited for the cluster; STATUS tells what is missing";
    return output_.log(LogLevel::kWarning, line, subject);
  }
  const LegTimes& slowest = entry.slowest;
  subject.partition = slowest.partition;
  if (slowest.worker.value != 0) subject.worker = slowest.worker;
  const Duration rest = took - slowest.total();
  line += ": " + in_milliseconds(slowest.until_sent) + " waited for a leader, " +
          in_milliseconds(slowest.earlier_attempts) + " in earlier attempts (" +
          std::to_string(slowest.attempts < 2 ? 0 : slowest.attempts - 1) + "), " + in_milliseconds(slowest.at_worker) +
          " at the worker, " + in_milliseconds(rest) + " merging";
  if (entry.subrequests > 1) line += "; that is the slowest of " + std::to_string(entry.subrequests) + " calls";
  const Duration most = std::max({slowest.until_sent, slowest.earlier_attempts, slowest.at_worker, rest});
  if (most == rest) {
    line += "; a smaller limit or batch is merged sooner";
  } else if (most == slowest.at_worker) {
    line += "; the worker's log tells where its time went";
  } else {
    line += "; MEMBERS tells whether a worker is down or suspect";
  }
  output_.log(LogLevel::kWarning, line, subject);
}

void Requests::forget_idle_clients() {
  if (clients_.size() < kIdleClientsMin) return;
  std::erase_if(clients_, [](const auto& client) { return client.second.under_way == 0; });
}

}  // namespace trellis
