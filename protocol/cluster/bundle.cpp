#include "protocol/cluster/bundle.hpp"

#include <algorithm>
#include <utility>

#include "protocol/check.hpp"
#include "protocol/cluster/field_buffer.hpp"

namespace trellis {
namespace {

constexpr std::uint8_t kFormatVersion = 2;
constexpr std::uint32_t kAttached = 1u << 31;
constexpr std::size_t kItemHeadSize = 9;
/// Heads that are larger come seldom, and grow as they are filled.
constexpr std::size_t kRoomMax = 64 << 10;

}  // namespace

void BundleWriter::add(std::uint8_t type, std::string_view header, const Frame& body) {
  if (items_ == 0) {
    head_.reserve(room_);
    head_.push_back(static_cast<char>(kFormatVersion));
  }
  CHECK(header.size() < kAttached && body.size() < kAttached);
  const bool attach = body.size() >= kInlineMax;
  FieldBuffer<kItemHeadSize> fields;
  fields.u8(type).u32(static_cast<std::uint32_t>(header.size()));
  fields.u32(static_cast<std::uint32_t>(body.size()) | (attach ? kAttached : 0));
  head_.append(fields.view()).append(header);
  if (attach) {
    attached_.push_back(body);
  } else {
    head_.append(body.bytes());
  }
  ++items_;
  size_ += header.size() + body.size();
}

Frames BundleWriter::take() {
  Frames frames;
  frames.reserve(1 + attached_.size());
  room_ = std::min(head_.size(), kRoomMax);
  frames.emplace_back(std::move(head_));
  for (Frame& frame : attached_) frames.push_back(std::move(frame));
  head_.clear();
  attached_.clear();
  items_ = size_ = 0;
  return frames;
}

BundleReader::BundleReader(const Frames& frames) : frames_(frames) {
  if (frames.empty() || frames[0].empty() || static_cast<std::uint8_t>(frames[0].bytes()[0]) != kFormatVersion) {
    broken_ = true;
  } else {
    position_ = 1;
  }
}

std::optional<BundleItem> BundleReader::fail() {
  broken_ = true;
  return std::nullopt;
}

std::optional<BundleItem> BundleReader::next() {
  if (broken_) return std::nullopt;
  if (position_ == frames_[0].size()) {
    if (next_attached_ != frames_.size()) return fail();  // Frames that belong to no item.
    return std::nullopt;
  }
  const Frame& head = frames_[0];
  FieldReader fields(head.bytes().substr(position_));
  BundleItem item;
  auto item_head = fields.fixed<kItemHeadSize>();
  item.type = item_head.u8();
  const std::uint32_t header_size = item_head.u32();
  const std::uint32_t body = item_head.u32();
  item.header = fields.raw(header_size);
  const std::uint32_t body_size = body & ~kAttached;
  if ((body & kAttached) != 0) {
    if (next_attached_ == frames_.size() || frames_[next_attached_].size() != body_size) return fail();
    item.body = frames_[next_attached_++];
  } else if (const std::string_view bytes = fields.raw(body_size); fields.ok()) {
    item.body = head.slice(bytes);
  }
  if (!fields.ok()) return fail();
  position_ = head.size() - fields.rest().size();
  return item;
}

}  // namespace trellis
