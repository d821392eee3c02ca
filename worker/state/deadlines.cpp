#include "worker/state/deadlines.hpp"

namespace trellis {
namespace {

constexpr std::size_t kDeadlineSize = sizeof(std::uint64_t);

std::string place_of(std::uint64_t deadline, std::string_view key) {
  std::string place;
  place.reserve(kDeadlineSize + key.size());
  for (int shift = 56; shift >= 0; shift -= 8) place.push_back(static_cast<char>(deadline >> shift));
  return place.append(key);
}

std::uint64_t deadline_at(std::string_view place) {
  std::uint64_t deadline = 0;
  for (std::size_t i = 0; i < kDeadlineSize; ++i) deadline = deadline << 8 | static_cast<unsigned char>(place[i]);
  return deadline;
}

}  // namespace

void Deadlines::change(std::string_view key, std::uint64_t before, std::uint64_t now) {
  if (before == now) return;
  if (before != 0) by_deadline_.erase(place_of(before, key));
  if (now != 0) by_deadline_.insert_or_assign(place_of(now, key), 0, std::string_view());
}

std::optional<std::uint64_t> Deadlines::earliest() const {
  TrieCursor cursor = by_deadline_.cursor();
  cursor.seek_first();
  return cursor.valid() ? std::optional(deadline_at(cursor.key())) : std::nullopt;
}

std::vector<std::string> Deadlines::take_due(std::uint64_t now, std::size_t most) {
  std::vector<std::string> places;
  TrieCursor cursor = by_deadline_.cursor();
  for (cursor.seek_first(); cursor.valid() && places.size() < most && deadline_at(cursor.key()) <= now; cursor.next()) {
    places.emplace_back(cursor.key());
  }
  for (const std::string& place : places) by_deadline_.erase(place);
  return places;
}

}  // namespace trellis
