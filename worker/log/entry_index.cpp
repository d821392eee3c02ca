#include "worker/log/entry_index.hpp"

#include <algorithm>

namespace trellis {
namespace {

/// A gap is never larger than what one segment holds.
constexpr std::uint64_t kGapMax = 1 << 22;

}  // namespace

bool EntryIndex::set(PartitionId group, LogIndex index, const Place& place) {
  auto& [first, places] = groups_[group];
  if (places.empty()) first = index.value;
  if (index.value + kGapMax < first || index.value > first + places.size() + kGapMax) return false;
  while (index.value < first) {
    places.emplace_front();
    --first;
  }
  if (index.value >= first + places.size()) places.resize(index.value - first + 1);
  Place& at = places[index.value - first];
  forget(at);
  at = place;
  Use& use = uses_[place.file];
  ++use.entries;
  use.bytes += place.size;
  bytes_ += place.size;
  return true;
}

void EntryIndex::truncate(PartitionId group, LogIndex from) {
  const auto entries = groups_.find(group);
  if (entries == groups_.end()) return;
  auto& [first, places] = entries->second;
  while (!places.empty() && first + places.size() > from.value) {
    forget(places.back());
    places.pop_back();
  }
}

void EntryIndex::cut(PartitionId group, LogIndex to) {
  const auto entries = groups_.find(group);
  if (entries == groups_.end()) return;
  auto& [first, places] = entries->second;
  while (!places.empty() && first < to.value) {
    forget(places.front());
    places.pop_front();
    ++first;
  }
}

void EntryIndex::forget(const Place& place) {
  if (place.file == 0) return;
  const auto use = uses_.find(place.file);
  use->second.bytes -= place.size;
  bytes_ -= place.size;
  if (--use->second.entries == 0) uses_.erase(use);
}

std::uint64_t EntryIndex::memory() const {
  std::uint64_t places = 0;
  for (const auto& [group, entries] : groups_) places += entries.places.size();
  return places * sizeof(Place);
}

LogIndex EntryIndex::first(PartitionId group) const {
  const auto entries = groups_.find(group);
  return {entries == groups_.end() || entries->second.places.empty() ? 0 : entries->second.first};
}

LogIndex EntryIndex::end(PartitionId group) const {
  const auto entries = groups_.find(group);
  return {entries == groups_.end() || entries->second.places.empty()
              ? 0
              : entries->second.first + entries->second.places.size()};
}

std::optional<Place> EntryIndex::find(PartitionId group, LogIndex index) const {
  const auto entries = groups_.find(group);
  if (entries == groups_.end()) return std::nullopt;
  const auto& [first, places] = entries->second;
  if (index.value < first || index.value >= first + places.size()) return std::nullopt;
  const Place& place = places[index.value - first];
  return place.file == 0 ? std::nullopt : std::optional(place);
}

EntryIndex::Use EntryIndex::use_of(std::uint32_t file) const {
  const auto use = uses_.find(file);
  return use == uses_.end() ? Use{} : use->second;
}

std::vector<EntryIndex::Key> EntryIndex::entries_in(std::uint32_t file) const {
  std::vector<Key> found;
  for (const auto& [group, entries] : groups_) {
    for (std::size_t i = entries.places.size(); i-- > 0;) {
      if (entries.places[i].file == file) found.push_back({group, {entries.first + i}});
    }
  }
  // The order of a hash table is nobody's: a run of the simulator has to be repeatable.
  std::sort(found.begin(), found.end(), [](const Key& one, const Key& other) {
    return one.first != other.first ? one.first < other.first : one.second > other.second;
  });
  return found;
}

std::optional<EntryIndex::Key> EntryIndex::find_hole() const {
  for (const auto& [group, entries] : groups_) {
    const auto is_hole = [](const Place& place) { return place.file == 0; };
    const auto hole = std::find_if(entries.places.begin(), entries.places.end(), is_hole);
    if (hole == entries.places.end()) continue;
    return Key{group, {entries.first + static_cast<std::uint64_t>(hole - entries.places.begin())}};
  }
  return std::nullopt;
}

std::vector<EntryIndex::Key> EntryIndex::last_entries() const {
  std::vector<Key> last;
  for (const auto& [group, entries] : groups_) {
    if (!entries.places.empty()) last.push_back({group, {entries.first + entries.places.size() - 1}});
  }
  std::sort(last.begin(), last.end());
  return last;
}

}  // namespace trellis
