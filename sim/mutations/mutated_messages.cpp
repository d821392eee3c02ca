#include "sim/mutations/mutated_messages.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/command.hpp"
#include "protocol/packed.hpp"
#include "protocol/reply.hpp"
#include "worker/confirmations.hpp"

namespace trellis::sim {
namespace {

/// `change` is handed each item and the writer, and says whether it has written something in its place.
template <typename Change>
Frames rewrite(const Frames& bundle, const Change& change) {
  BundleReader reader(bundle);
  BundleWriter out;
  while (const auto item = reader.next()) {
    if (!change(*item, out)) out.add(item->type, item->header, item->body);
  }
  return out.take();
}

template <typename Change>
Frames rewrite_requests(const Frames& bundle, const Change& change) {
  return rewrite(bundle, [&change](const BundleItem& item, BundleWriter& out) {
    if (static_cast<MessageType>(item.type) != MessageType::kRequest) return false;
    auto request = read_worker_request(item);
    if (!request || !change(*request)) return false;
    add(out, *request);
    return true;
  });
}

template <typename Change>
Frames rewrite_replies(const Frames& bundle, const Change& change) {
  return rewrite(bundle, [&change](const BundleItem& item, BundleWriter& out) {
    if (static_cast<MessageType>(item.type) != MessageType::kReply) return false;
    auto reply = read_worker_reply(item);
    if (!reply || !change(*reply)) return false;
    add(out, *reply);
    return true;
  });
}

/// An array without its first element.
std::string without_first(std::string_view array) {
  PackedReader reader(array);
  const std::uint32_t count = reader.read_array().value_or(0);
  if (count < 2) return std::string(array);
  reader.read_value();
  std::string out;
  PackedWriter(out).array(count - 1).packed(array.substr(reader.position()));
  return out;
}

/// An array whose first two elements have changed places.
std::string with_first_two_swapped(std::string_view array) {
  PackedReader reader(array);
  const std::uint32_t count = reader.read_array().value_or(0);
  if (count < 2) return std::string(array);
  const std::string_view first = reader.read_value().value_or("");
  const std::string_view second = reader.read_value().value_or("");
  std::string out;
  PackedWriter(out).array(count).packed(second).packed(first).packed(array.substr(reader.position()));
  return out;
}

}  // namespace

Frames with_unconfirmed_reads(const Frames& bundle) {
  return rewrite_requests(bundle, [](WorkerRequest& request) {
    if (!request.session.empty() || request.kind != RequestKind::kCommand) return false;
    request.mode = ReadMode::kStale;
    return true;
  });
}

Frames without_floors(const Frames& bundle) {
  return rewrite_requests(bundle, [](WorkerRequest& request) {
    if (!request.has_floor) return false;
    request.has_floor = false;
    return true;
  });
}

Frames with_unchecked_reads(const Frames& requests) {
  return rewrite_requests(requests, [](WorkerRequest& request) {
    if (request.mode != ReadMode::kLinearizable || !request.session.empty()) return false;
    request.mode = ReadMode::kChecked;
    return true;
  });
}

Frames with_checked_replies(const Frames& replies) {
  return rewrite_replies(replies, [](WorkerReply& reply) {
    if (reply.outcome != Outcome::kDone) return false;
    reply.attempt = 1;  // Only the first attempt, 0, is answered before others have confirmed.
    return true;
  });
}

Frames with_infinite_floors(const Frames& bundle) {
  return rewrite_requests(bundle, [](WorkerRequest& request) {
    if (!request.broker_session) return false;
    request.floor = std::numeric_limits<std::uint64_t>::max();
    return true;
  });
}

Frames without_repetitions(const Frames& bundle) {
  return rewrite(bundle, [](const BundleItem& item, BundleWriter&) {
    if (static_cast<MessageType>(item.type) != MessageType::kRequest) return false;
    const auto request = read_worker_request(item);
    return request && request->attempt > 0;
  });
}

Frames with_applied_turned(const Frames& bundle) {
  return rewrite_replies(bundle, [](WorkerReply& reply) {
    reply.applied = {std::numeric_limits<std::uint64_t>::max() - reply.applied.value};
    return true;
  });
}

BootNonce nonce_in(const Frames& bundle) {
  BundleReader reader(bundle);
  const auto first = reader.next();
  const auto speaker = first ? read_speaker(first->header) : Result<Speaker>(Speaker{});
  return speaker ? speaker->nonce : BootNonce{};
}

bool changes_confirmations(const Mutations& mutations) {
  return mutations.has(Mutation::kEarlierConfirmation) || mutations.has(Mutation::kNonceIgnored) ||
         mutations.has(Mutation::kTermIgnored) || mutations.has(Mutation::kRoundIgnored);
}

Frames with_confirmations_for(const Frames& bundle, BootNonce nonce, const Shard& receiver,
                              const Mutations& mutations) {
  return rewrite(bundle, [&](const BundleItem& item, BundleWriter& out) {
    if (static_cast<PeerMessageType>(item.type) != PeerMessageType::kAnswer) return false;
    auto answer = read_answer(item.header);
    if (!answer) return false;
    const bool all = mutations.has(Mutation::kEarlierConfirmation) && answer->nonce != nonce;
    if (all || mutations.has(Mutation::kNonceIgnored)) answer->nonce = nonce;
    Round asked = 0;
    for (ConfirmationItem& each : answer->items) {
      const auto at = receiver.partitions().find(each.group);
      if (at == receiver.partitions().end()) continue;
      if (all || mutations.has(Mutation::kTermIgnored)) each.term = at->second->replica().term();
      asked = std::max(asked, at->second->proof().asked());
    }
    if (all || mutations.has(Mutation::kRoundIgnored)) answer->round = asked;
    out.add(item.type, pack_answer(*answer));
    return true;
  });
}

Frames with_blind_answers(const Frames& bundle) {
  return rewrite(bundle, [](const BundleItem& item, BundleWriter& out) {
    auto confirm = read_leadership_answer(item);
    if (!confirm) return false;
    for (auto& [partition, replica, term] : confirm->terms) term = {};
    add(out, *confirm);
    return true;
  });
}

void LastAnswers::note(const BackendAddress& from, const Frames& bundle) {
  BundleReader reader(bundle);
  while (const auto item = reader.next()) {
    const auto confirm = read_leadership_answer(*item);
    if (!confirm) continue;
    for (const auto& known : confirm->terms) terms_[from].insert_or_assign(known.partition, known);
  }
}

std::optional<Frames> LastAnswers::answer(const BackendAddress& asked, const Frames& bundle) const {
  const auto said = terms_.find(asked);
  if (said == terms_.end()) return std::nullopt;
  BundleReader reader(bundle);
  BundleWriter out;
  while (const auto item = reader.next()) {
    const auto wanted = read_leadership_question(*item);
    if (!wanted) continue;
    LeadershipAnswer confirm{wanted->broker, wanted->read_context, {}};
    for (const PartitionId partition : wanted->partitions) {
      if (const auto term = said->second.find(partition); term != said->second.end())
        confirm.terms.push_back(term->second);
    }
    add(out, confirm);
  }
  return out.empty() ? std::nullopt : std::optional(out.take());
}

Frame mutated_reply(const Frame& frame, std::string& previous, const Mutations& mutations, Random& random) {
  auto reply = read_reply(frame.bytes());
  if (!reply) return frame;
  if (mutations.has(Mutation::kMarkDropped)) reply->info.guaranteed = true;
  if (mutations.has(Mutation::kMarkAdded) && random.chance(0.001)) reply->info.guaranteed = false;
  if (mutations.has(Mutation::kWarningDropped)) reply->info.warnings.clear();
  std::string page;
  if (mutations.has(Mutation::kPageSkipsKey) && reply->info.more) {
    page = without_first(reply->result);
    reply->result = page;
  }
  if (mutations.has(Mutation::kPageOutOfOrder) && reply->info.more) {
    page = with_first_two_swapped(reply->result);
    reply->result = page;
  }
  if (mutations.has(Mutation::kWrongReply) && random.chance(0.01) && !previous.empty()) {
    auto other = read_reply(previous);
    other->id = reply->id;
    return Frame(pack_reply(*other));
  }
  previous = std::string(frame.bytes());
  return Frame(pack_reply(*reply));
}

Frame with_new_seq(const Frame& frame, std::uint64_t copy) {
  auto read = read_request(frame.bytes());
  auto* request = std::get_if<Request>(&read);
  if (request == nullptr || !request->options.session) return frame;
  request->options.seq += copy * 1'000'000;
  return Frame(pack_request(request->id, request->command, request->arguments, request->options));
}

}  // namespace trellis::sim
