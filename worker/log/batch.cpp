#include "worker/log/batch.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/cluster/bundle.hpp"

namespace trellis {

void BatchBuffer::clear() {
  if (sectors_.capacity() > kKeptMax) std::string().swap(sectors_);  // Assigning an empty one would keep the memory.
  hold(1);
  blocks_ = 1;
  position_ = BatchHead::kSize;
}

void BatchBuffer::add(std::string_view bytes) {
  const std::size_t end = position_ + bytes.size();
  blocks_ = std::max(blocks_, (end + kBlockContent - 1) / kBlockContent);
  hold(blocks_);
  copy_in(position_, bytes);
  position_ = end;
}

/// What is there of an earlier batch stays there until it is written over.
void BatchBuffer::hold(std::size_t blocks) {
  if (blocks * kBlockSize > sectors_.size()) sectors_.resize(blocks * kBlockSize);
}

void BatchBuffer::copy_in(std::size_t position, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t within = position % kSectorContent;
    const std::size_t count = std::min(bytes.size(), kSectorContent - within);
    std::memcpy(sectors_.data() + position / kSectorContent * kSectorSize + within, bytes.data(), count);
    bytes.remove_prefix(count);
    position += count;
  }
}

void BatchBuffer::seal(std::uint64_t number, std::uint64_t durable, const SectorMark& mark, std::uint64_t offset) {
  std::string head;
  FieldWriter(head)
      .u32(static_cast<std::uint32_t>(blocks()))
      .u32(static_cast<std::uint32_t>(position_ - BatchHead::kSize))
      .u64(number)
      .u64(durable);
  copy_in(0, head);
  copy_in(position_, std::string(blocks_ * kBlockContent - position_, '\0'));
  for (std::size_t at = 0; at < bytes().size(); at += kSectorSize) {
    seal_sector(sectors_.data() + at, mark, offset + at);
  }
}

std::optional<BatchHead> read_batch_head(const char* sector) {
  FieldReader fields({sector, BatchHead::kSize});
  const BatchHead head{fields.u32(), fields.u32(), fields.u64(), fields.u64()};
  const std::uint64_t needed = (BatchHead::kSize + std::uint64_t{head.size} + kBlockContent - 1) / kBlockContent;
  if (head.number == 0 || head.blocks != needed || head.durable >= head.number) return std::nullopt;
  return head;
}

void append_contents(std::string& out, std::string_view sectors) {
  for (std::size_t at = 0; at + kSectorSize <= sectors.size(); at += kSectorSize) {
    out.append(sectors.substr(at, kSectorContent));
  }
}

}  // namespace trellis
