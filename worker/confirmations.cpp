#include "worker/confirmations.hpp"

#include <algorithm>
#include <functional>

#include "protocol/cluster/bundle.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

std::string pack(const ConfirmationMessage& message, bool with_member_term) {
  std::string out;
  FieldWriter fields(out);
  fields.u64(message.nonce.value).u64(message.round).u32(static_cast<std::uint32_t>(message.items.size()));
  for (const ConfirmationItem& item : message.items) {
    fields.u32(item.group.value).u64(item.replica.value).u64(item.term.value);
    if (with_member_term) fields.u64(item.member_term.value);
  }
  return out;
}

Result<ConfirmationMessage> read(std::string_view bytes, bool with_member_term) {
  FieldReader fields(bytes);
  ConfirmationMessage message{{fields.u64()}, fields.u64(), {}};
  const std::uint32_t count = fields.u32();
  if (!fields.ok() || count > kPartitionsMax) return invalid_argument("confirmation: a broken head");
  message.items.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    ConfirmationItem item{{fields.u32()}, {fields.u64()}, {fields.u64()}, {}};
    if (with_member_term) item.member_term = {fields.u64()};
    message.items.push_back(item);
  }
  if (!fields.at_end()) return invalid_argument("confirmation: its size is not what its head says");
  return message;
}

}  // namespace

std::string pack_question(const ConfirmationMessage& message) { return pack(message, false); }
std::string pack_answer(const ConfirmationMessage& message) { return pack(message, true); }
Result<ConfirmationMessage> read_question(std::string_view bytes) { return read(bytes, false); }
Result<ConfirmationMessage> read_answer(std::string_view bytes) { return read(bytes, true); }

LeadershipProof::LeadershipProof(Term term, std::vector<ReplicaPlace> peers, std::size_t needed_max)
    : term_(term), peers_(std::move(peers)), needed_max_(needed_max), answered_(peers_.size(), 0) {}

void LeadershipProof::set_peers(std::vector<ReplicaPlace> peers) {
  if (peers == peers_) return;
  std::vector<Round> answered(peers.size(), 0);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const auto known = std::find(peers_.begin(), peers_.end(), peers[i]);
    if (known != peers_.end()) answered[i] = answered_[static_cast<std::size_t>(known - peers_.begin())];
  }
  peers_ = std::move(peers);
  answered_ = std::move(answered);
}

void LeadershipProof::on_answer(ReplicaPlace from, Round round, Term member_term) {
  if (member_term > term_ || round > asked_) return;
  const auto at = std::find(peers_.begin(), peers_.end(), from);
  if (at == peers_.end()) return;
  Round& answered = answered_[static_cast<std::size_t>(at - peers_.begin())];
  answered = std::max(answered, round);
}

Round LeadershipProof::proven() const {
  const std::size_t needed = answers_needed();
  if (needed == 0) return asked_;
  std::vector<Round> answered = answered_;
  std::nth_element(answered.begin(), answered.begin() + static_cast<std::ptrdiff_t>(needed - 1), answered.end(),
                   std::greater<>());
  return answered[needed - 1];
}

}  // namespace trellis
