// Pool: objects that come and go many times a second, kept at fixed places and used again with the memory they hold.
//
// An object is named by a tag that is never given twice in a broker's incarnation, nor, by the random start, in the
// next broker's: an answer to a tag of before finds nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace trellis {

/// Names one use of one place: 0 (2 bits) | running number (38 bits) | place (24 bits).  Never 0.
using Tag = std::uint64_t;
/// The bits that are free for its users.
constexpr Tag kTagFlag = 1ull << 63;
constexpr Tag kSecondTagFlag = 1ull << 62;
constexpr Tag kTagFlags = kTagFlag | kSecondTagFlag;

/// T has a member `Tag tag` (0: free) and is default-constructible.  What a freed T holds is its user's to clear.
template <typename T>
class Pool {
 public:
  /// @param first  where the running number starts: random.
  explicit Pool(std::uint64_t first) : running_(first) {}

  T& acquire() {
    std::uint64_t place = 0;
    if (free_.empty()) {
      place = places_++;
      if (place / kBlock == blocks_.size()) blocks_.push_back(std::make_unique<std::array<T, kBlock>>());
    } else {
      place = free_.back();
      free_.pop_back();
    }
    ++used_;
    T& object = at(place);
    object.tag = fresh(place);
    return object;
  }

  void release(T& object) {
    free_.push_back(place_of(object.tag));
    object.tag = 0;
    --used_;
  }

  T* find(Tag tag) {
    const std::uint64_t place = place_of(tag);
    if (tag == 0 || place >= places_ || at(place).tag != tag) return nullptr;
    return &at(place);
  }

  std::size_t used() const { return used_; }

 private:
  static constexpr int kPlaceBits = 24;
  static constexpr std::size_t kBlock = 64;  ///< Objects that are made at once.
  static std::uint64_t place_of(Tag tag) { return tag & ((1u << kPlaceBits) - 1); }
  T& at(std::uint64_t place) { return (*blocks_[place / kBlock])[place % kBlock]; }
  Tag fresh(std::uint64_t place) {
    do ++running_;
    while (((running_ << kPlaceBits) & ~kTagFlags) == 0);
    return ((running_ << kPlaceBits) & ~kTagFlags) | place;
  }

  std::vector<std::unique_ptr<std::array<T, kBlock>>> blocks_;
  std::uint64_t places_ = 0;
  std::vector<std::uint64_t> free_;
  std::uint64_t running_;
  std::size_t used_ = 0;
};

}  // namespace trellis
