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

void SessionFloors::on_write(Position position, std::string_view name, std::uint64_t floor) {
  if (position == kNone) {
    position = add(name);
  } else {
    unlink(position);
  }
  link_last(position);
  Slot& session = writable(position);
  session.floor = std::max(session.floor, floor);
  session.written = ++written_;
}

void SessionFloors::on_forgotten(Position position, std::uint64_t seq) {
  if (at(position).forgotten >= seq) return;
  writable(position).forgotten = seq;
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

Slot& SessionFloors::writable(Position position) {
  Chunk& chunk = chunks_[position / kSlotsPerChunk];
  if (chunk.is_frozen) {
    chunk.slots = std::make_shared<Slots>(*chunk.slots);
    chunk.is_frozen = false;
  }
  return (*chunk.slots)[position % kSlotsPerChunk];
}

SessionFloors::Position SessionFloors::look_for(std::string_view name) const {
  Position found = kNone;
  index_.find(hash_of(name), [&](std::uint32_t position) {
    if (at(position).name() != name) return false;
    found = last_found_ = position;
    return true;
  });
  return found;
}

/// A slot of that name, which is in no place of the list yet.
SessionFloors::Position SessionFloors::add(std::string_view name) {
  const Position position = place_for_one_more();
  Slot& session = writable(position);
  session = Slot{};
  session.name_size = static_cast<std::uint8_t>(name.size());
  std::copy(name.begin(), name.end(), session.name_bytes.begin());
  index_.add(hash_of(name), position);
  return position;
}

SessionFloors::Position SessionFloors::place_for_one_more() {
  if (size() < sessions_max_) {
    if (size() % kSlotsPerChunk == 0) chunks_.push_back({std::make_shared<Slots>(), false});
    links_.emplace_back();
    return static_cast<Position>(size() - 1);
  }
  const Position position = oldest_;
  index_.remove(hash_of(at(position).name()), position);
  unlink(position);
  return position;
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
