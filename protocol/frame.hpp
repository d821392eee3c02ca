// Frame: immutable bytes with shared ownership, so that a request goes from socket to socket without a copy.
//
// A frame may own a string, or borrow what another object owns (a ZeroMQ message, say) and keep that object alive.
// Copying a frame or taking a slice copies no bytes.  Safe to hand between threads, as shared_ptr is.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace trellis {

class Frame {
 public:
  Frame() = default;
  explicit Frame(std::string bytes) {
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    bytes_ = *owner;
    owner_ = std::move(owner);
  }
  /// `bytes` lie in memory that `owner` keeps alive.
  Frame(std::shared_ptr<const void> owner, std::string_view bytes) : owner_(std::move(owner)), bytes_(bytes) {}

  std::string_view bytes() const { return bytes_; }
  const char* data() const { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  /// The same bytes, for good: in memory of their own where nothing keeps these alive.
  Frame kept() const { return owner_ == nullptr && !bytes_.empty() ? Frame(std::string(bytes_)) : *this; }
  /// What keeps the bytes alive, for whoever knows what it is; null: nothing does.
  const void* owner() const { return owner_.get(); }

  /// The part [offset, offset + count) of this frame, which must hold it; shares the owner.
  Frame slice(std::size_t offset, std::size_t count) const { return {owner_, bytes_.substr(offset, count)}; }
  /// The frame over `part`, which must lie inside this one's bytes; shares the owner.
  Frame slice(std::string_view part) const { return {owner_, part}; }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view bytes_;
};

}  // namespace trellis
