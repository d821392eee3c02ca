#include "protocol/notation_builder.hpp"

#include <unordered_set>

namespace trellis {

std::size_t PackedBuilder::open() {
  heads_.push_back({content_.size(), {}});
  return heads_.size() - 1;
}

void PackedBuilder::close_array(std::size_t mark, std::size_t count) { PackedWriter(heads_[mark].packed).array(count); }
void PackedBuilder::close_map(std::size_t mark, std::size_t count) { PackedWriter(heads_[mark].packed).map(count); }

std::size_t PackedBuilder::write_later() { return open(); }
void PackedBuilder::settle(std::size_t mark, std::string_view text) { PackedWriter(heads_[mark].packed).str(text); }

void PackedBuilder::take_back(std::size_t mark) {
  content_.resize(heads_[mark].position);
  heads_.resize(mark);
}

std::string PackedBuilder::finish() {
  std::string out;
  if (heads_.empty()) {
    out.swap(content_);
    return out;
  }
  out.reserve(content_.size() + 5 * heads_.size());
  std::size_t copied = 0;
  for (const Head& head : heads_) {
    out.append(content_, copied, head.position - copied).append(head.packed);
    copied = head.position;
  }
  out.append(content_, copied);
  content_.clear();
  heads_.clear();
  return out;
}

void OpenKeys::add(std::string_view key, std::size_t position) {
  keys_.push_back({bytes_.size(), key.size(), position});
  bytes_.append(key);
}

std::optional<std::size_t> OpenKeys::close(std::size_t mark) {
  const auto twice = find_double(mark);
  if (keys_.size() > mark) bytes_.resize(keys_[mark].begin);
  keys_.resize(mark);
  return twice;
}

std::optional<std::size_t> OpenKeys::find_double(std::size_t mark) const {
  constexpr std::size_t kFewMax = 16;  // So many are compared one by one; more are hashed.
  if (keys_.size() - mark <= kFewMax) {
    for (std::size_t i = mark; i < keys_.size(); ++i) {
      for (std::size_t j = mark; j < i; ++j) {
        if (bytes_of(keys_[i]) == bytes_of(keys_[j])) return keys_[i].position;
      }
    }
    return std::nullopt;
  }
  std::unordered_set<std::string_view> seen;
  seen.reserve(keys_.size() - mark);
  for (std::size_t i = mark; i < keys_.size(); ++i) {
    if (!seen.insert(bytes_of(keys_[i])).second) return keys_[i].position;
  }
  return std::nullopt;
}

}  // namespace trellis
