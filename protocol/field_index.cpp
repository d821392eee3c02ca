#include "protocol/field_index.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>

#include "protocol/find_child.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// Keys whose slots are fetched while others are put in theirs.
constexpr std::size_t kAhead = 16;

std::uint32_t offset(std::size_t value) { return static_cast<std::uint32_t>(value); }

}  // namespace

/// Reads a document from its beginning to its end.  The children of the containers that are open lie in shared vectors,
/// one level's behind its parent's, and are thrown away with a container that turns out to be small.
class FieldIndex::Builder {
 public:
  Builder(std::string_view document, FieldIndex& index)
      : document_(document),
        reader_(document),
        large_(std::max(kContainerSizeMin, document.size() / kContainersMax)),
        index_(index) {}

  bool run() {
    do {
      if (!open_.empty() && !begin_child(open_.back())) return false;
      const std::size_t begin = reader_.position();
      const auto token = reader_.next();
      if (!token) return false;
      if (token->type == PackedType::kArray || token->type == PackedType::kMap) {
        open_.push_back(
            {begin, token->type == PackedType::kMap, token->count, 0, keys_.size(), samples_.size(), begin});
      }
      for (; !open_.empty() && open_.back().left == 0; open_.pop_back()) close(open_.back());
    } while (!open_.empty());
    std::sort(index_.containers_.begin(), index_.containers_.end(),
              [](const Container& a, const Container& b) { return a.begin < b.begin; });
    return reader_.at_end();
  }

 private:
  struct Level {
    std::size_t begin;
    bool is_map;
    std::uint32_t left;  ///< Elements or pairs still to come.
    std::uint32_t position;
    std::size_t first_key;     ///< In keys_.
    std::size_t first_sample;  ///< In samples_.
    std::size_t sampled_at;    ///< Where the child of the last sample begins.
  };

  bool begin_child(Level& level) {
    --level.left;
    const std::size_t place = reader_.position();
    if (level.is_map) {
      keys_.push_back(offset(place));
      return reader_.read_str().has_value();
    }
    if (place - level.sampled_at >= large_) {
      samples_.push_back({level.position, offset(place)});
      level.sampled_at = place;
    }
    ++level.position;
    return true;
  }

  void close(const Level& level) {
    if (reader_.position() - level.begin >= large_) {
      Container container{offset(level.begin), offset(reader_.position()), 0, 0};
      level.is_map ? keep_keys(level, container) : keep_samples(level, container);
      index_.containers_.push_back(container);
    }
    keys_.resize(level.first_key);
    samples_.resize(level.first_sample);
  }

  void keep_keys(const Level& level, Container& container) {
    const std::size_t slots = (keys_.size() - level.first_key) * 4 / 3 + 1;
    container.first = offset(index_.places_.size());
    container.count = offset(slots);
    index_.places_.resize(index_.places_.size() + slots, kFree);
    std::uint32_t* const table = &index_.places_[container.first];
    // A large table is in no cache: the slots of the next keys are on their way while this one is put in its place.
    std::array<std::size_t, kAhead> homes{};
    const std::size_t keys = keys_.size() - level.first_key;
    for (std::size_t i = 0; i < keys + kAhead; ++i) {
      if (i >= kAhead) put(keys_[level.first_key + i - kAhead], homes[i % kAhead], table, slots);
      if (i >= keys) continue;
      const auto key = PackedReader(document_.substr(keys_[level.first_key + i])).read_str();
      homes[i % kAhead] = index_.home_of(*key, slots);
      __builtin_prefetch(&table[homes[i % kAhead]], 1);
    }
  }

  static void put(std::uint32_t key, std::size_t home, std::uint32_t* table, std::size_t slots) {
    std::size_t at = home;
    while (table[at] != kFree) at = at + 1 == slots ? 0 : at + 1;
    table[at] = key;
  }

  void keep_samples(const Level& level, Container& container) {
    container.first = offset(index_.samples_.size());
    container.count = offset(samples_.size() - level.first_sample);
    index_.samples_.insert(index_.samples_.end(), samples_.begin() + static_cast<std::ptrdiff_t>(level.first_sample),
                           samples_.end());
  }

  std::string_view document_;
  PackedReader reader_;
  std::size_t large_;  ///< Bytes of a container that gets an entry, and between the samples of an array.
  FieldIndex& index_;
  std::vector<Level> open_;
  std::vector<std::uint32_t> keys_;
  std::vector<Sample> samples_;
};

std::optional<FieldIndex> FieldIndex::build(std::string_view document, std::uint64_t secret) {
  if (document.size() > kDocumentSizeMax) return std::nullopt;
  FieldIndex index(secret);
  if (!Builder(document, index).run()) return std::nullopt;
  index.containers_.shrink_to_fit();
  index.places_.shrink_to_fit();
  index.samples_.shrink_to_fit();
  return index;
}

std::size_t FieldIndex::size() const {
  return sizeof *this + containers_.capacity() * sizeof(Container) + places_.capacity() * sizeof(std::uint32_t) +
         samples_.capacity() * sizeof(Sample);
}

std::optional<std::string_view> FieldIndex::walk(std::string_view document, const Path& path) const {
  std::size_t place = 0;
  for (const PathSegment& segment : path) {
    const Container* const large = find(place);
    const auto child =
        large != nullptr ? find_child(document, *large, segment) : trellis::find_child(document, place, segment);
    if (!child) return std::nullopt;
    place = *child;
  }
  if (const Container* const large = find(place)) return document.substr(place, large->end - place);
  return PackedReader(document.substr(place)).read_value();
}

const FieldIndex::Container* FieldIndex::find(std::size_t begin) const {
  const auto found = std::lower_bound(containers_.begin(), containers_.end(), begin,
                                      [](const Container& each, std::size_t place) { return each.begin < place; });
  return found != containers_.end() && found->begin == begin ? &*found : nullptr;
}

std::optional<std::size_t> FieldIndex::find_child(std::string_view document, const Container& of,
                                                  const PathSegment& segment) const {
  const auto head = PackedReader(document.substr(of.begin)).next();
  const bool is_map = head->type == PackedType::kMap;
  if (const auto* position = std::get_if<std::uint64_t>(&segment)) {
    return is_map ? find_in_map(document, of, std::to_string(*position))
                  : find_in_array(document, of, head->count, *position);
  }
  return is_map ? find_in_map(document, of, std::get<std::string_view>(segment)) : std::nullopt;
}

std::optional<std::size_t> FieldIndex::find_in_map(std::string_view document, const Container& map,
                                                   std::string_view key) const {
  for (std::size_t at = home_of(key, map.count); places_[map.first + at] != kFree;
       at = at + 1 == map.count ? 0 : at + 1) {
    const std::uint32_t place = places_[map.first + at];
    PackedReader reader(document.substr(place));
    if (reader.read_str() == key) return place + reader.position();
  }
  return std::nullopt;
}

std::optional<std::size_t> FieldIndex::find_in_array(std::string_view document, const Container& array,
                                                     std::uint32_t elements, std::uint64_t position) const {
  if (position >= elements) return std::nullopt;
  const auto first = samples_.begin() + array.first;
  const auto after = std::upper_bound(first, first + array.count, position,
                                      [](std::uint64_t wanted, const Sample& each) { return wanted < each.position; });
  PackedReader reader(document);
  std::uint64_t skipped = 0;
  std::size_t begin = array.begin;
  if (after == first) {
    reader = PackedReader(document.substr(begin));
    reader.next();
  } else {
    begin = std::prev(after)->place;
    skipped = std::prev(after)->position;
    reader = PackedReader(document.substr(begin));
  }
  // No child that is passed over is large: behind a large one there is a sample.
  for (; skipped < position; ++skipped) {
    if (!reader.read_value()) return std::nullopt;
  }
  return begin + reader.position();
}

std::size_t FieldIndex::home_of(std::string_view key, std::size_t slots) const {
  const std::uint64_t hash = XXH3_64bits_withSeed(key.data(), key.size(), secret_);
  return static_cast<std::size_t>((hash >> 32) * slots >> 32);
}

}  // namespace trellis
