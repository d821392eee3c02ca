#include "protocol/notation/notation_builder.hpp"

#include <cstring>
#include <unordered_set>

namespace trellis {

void PackedBuilder::close_large(std::size_t mark, PackedType type, std::size_t count) {
  std::string head;
  type == PackedType::kMap ? PackedWriter(head).map(count) : PackedWriter(head).array(count);
  put(mark, head);
}

void PackedBuilder::settle(std::size_t mark, std::string_view text) {
  std::string packed;
  PackedWriter(packed).str(text);
  put(mark, packed);
}

void PackedBuilder::put(std::size_t mark, std::string_view packed) {
  (*out_)[heads_[mark].position] = packed.front();
  heads_[mark].more = packed.substr(1);
}

void PackedBuilder::take_back(std::size_t mark) {
  out_->resize(heads_[mark].position);
  heads_.resize(mark);
}

/// Moves what stands behind each head that is longer than a byte, from the last one to the first.
void PackedBuilder::make_room() {
  std::size_t room = 0;
  for (const Head& head : heads_) room += head.more.size();
  std::size_t end = out_->size();  // Where that ends which has not been moved yet.
  out_->resize(end + room);
  char* const bytes = out_->data();
  for (; room > 0; heads_.pop_back()) {
    const Head& head = heads_.back();
    const std::size_t begin = head.position + 1;
    std::memmove(bytes + begin + room, bytes + begin, end - begin);
    room -= head.more.size();
    // Bytes, no text that ends with a zero.  NOLINTNEXTLINE(bugprone-not-null-terminated-result)
    std::memcpy(bytes + begin + room, head.more.data(), head.more.size());
    end = begin;
  }
  heads_.clear();
}

std::optional<std::size_t> OpenKeys::find_double_of_many(std::size_t mark) const {
  std::unordered_set<std::string_view> seen;
  seen.reserve(keys_.size() - mark);
  for (std::size_t i = mark; i < keys_.size(); ++i) {
    if (!seen.insert(keys_[i].bytes).second) return keys_[i].position;
  }
  return std::nullopt;
}

}  // namespace trellis
