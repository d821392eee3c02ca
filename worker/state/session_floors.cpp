#include "worker/state/session_floors.hpp"

#include <xxhash.h>

#include <algorithm>

#include "protocol/check.hpp"

namespace trellis {
namespace {

std::uint64_t hash_of(std::string_view name) { return XXH3_64bits(name.data(), name.size()); }

}  // namespace

using sessions::kSlotsPerChunk;
using sessions::Slot;
using sessions::Slots;

std::vector<SessionFloor> FrozenFloors::in_order() const {
  std::vector<const Slot*> slots;
  slots.reserve(size_);
  for (std::size_t at = 0; at < size_; ++at) slots.push_back(&(*chunks_[at / kSlotsPerChunk])[at % kSlotsPerChunk]);
  std::sort(slots.begin(), slots.end(), [](const Slot* a, const Slot* b) { return a->written < b->written; });
  std::vector<SessionFloor> sessions;
  sessions.reserve(size_);
  for (const Slot* slot : slots) sessions.push_back({std::string(slot->name()), slot->floor, slot->forgotten});
  return sessions;
}

const Slot* SessionFloors::find(std::string_view name) const {
  const Position at = position_of(name);
  return at == kNone ? nullptr : &slot(at);
}

void SessionFloors::on_write(std::string_view name, std::uint64_t floor) {
  Position at = position_of(name);
  if (at == kNone) {
    at = add(name);
  } else {
    unlink(at);
  }
  link_last(at);
  Slot& session = writable(at);
  session.floor = std::max(session.floor, floor);
  session.written = ++written_;
}

void SessionFloors::on_forgotten(std::string_view name, std::uint64_t seq) {
  const Position at = position_of(name);
  if (at == kNone || slot(at).forgotten >= seq) return;
  writable(at).forgotten = seq;
}

FrozenFloors SessionFloors::freeze() {
  FrozenFloors frozen;
  frozen.chunks_.reserve(chunks_.size());
  for (Chunk& chunk : chunks_) {
    chunk.is_frozen = true;
    frozen.chunks_.push_back(chunk.slots);
  }
  frozen.size_ = size();
  return frozen;
}

bool SessionFloors::restore(const SessionFloor& session) {
  CHECK(session.name.size() <= kSessionSizeMax);
  if (size() == sessions_max_ || position_of(session.name) != kNone) return false;
  const Position at = add(session.name);
  link_last(at);
  Slot& slot = writable(at);
  slot.floor = session.floor;
  slot.forgotten = session.forgotten;
  slot.written = ++written_;
  return true;
}

Slot& SessionFloors::writable(Position at) {
  Chunk& chunk = chunks_[at / kSlotsPerChunk];
  if (chunk.is_frozen) {
    chunk.slots = std::make_shared<Slots>(*chunk.slots);
    chunk.is_frozen = false;
  }
  return (*chunk.slots)[at % kSlotsPerChunk];
}

SessionFloors::Position SessionFloors::position_of(std::string_view name) const {
  const auto is_at = [&](Position at) { return slot(at).name() == name; };
  if (last_found_ != kNone && is_at(last_found_)) return last_found_;
  Position position = kNone;
  index_.find(hash_of(name), [&](std::uint32_t at) {
    if (!is_at(at)) return false;
    position = last_found_ = at;
    return true;
  });
  return position;
}

/// A slot of that name, which is in no place of the list yet.
SessionFloors::Position SessionFloors::add(std::string_view name) {
  const Position at = place_for_one_more();
  Slot& session = writable(at);
  session = Slot{};
  session.name_size = static_cast<std::uint8_t>(name.size());
  std::copy(name.begin(), name.end(), session.name_bytes.begin());
  index_.add(hash_of(name), at);
  return at;
}

SessionFloors::Position SessionFloors::place_for_one_more() {
  if (size() < sessions_max_) {
    if (size() % kSlotsPerChunk == 0) chunks_.push_back({std::make_shared<Slots>(), false});
    links_.emplace_back();
    return static_cast<Position>(size() - 1);
  }
  const Position at = oldest_;
  index_.remove(hash_of(slot(at).name()), at);
  unlink(at);
  return at;
}

void SessionFloors::unlink(Position at) {
  const Link link = links_[at];
  (link.before == kNone ? oldest_ : links_[link.before].after) = link.after;
  (link.after == kNone ? newest_ : links_[link.after].before) = link.before;
}

void SessionFloors::link_last(Position at) {
  links_[at] = {newest_, kNone};
  (newest_ == kNone ? oldest_ : links_[newest_].after) = at;
  newest_ = at;
}

}  // namespace trellis
