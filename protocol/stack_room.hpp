// StackRoom: memory for a standard container that is small nearly always.
//
// The first kSize bytes lie in the object itself, on the stack, and are given once; what is larger, or comes later, is
// allocated and freed as ever.
#pragma once

#include <array>
#include <cstddef>
#include <memory_resource>

namespace trellis {

template <std::size_t kSize>
class StackRoom final : public std::pmr::memory_resource {
 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    const std::size_t begin = (used_ + alignment - 1) / alignment * alignment;
    if (alignment > alignof(std::max_align_t) || begin > kSize || bytes > kSize - begin) {
      return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    used_ = begin + bytes;
    return room_.data() + begin;
  }
  void do_deallocate(void* at, std::size_t bytes, std::size_t alignment) override {
    const auto* const byte = static_cast<const std::byte*>(at);
    if (byte >= room_.data() && byte < room_.data() + kSize) return;
    std::pmr::new_delete_resource()->deallocate(at, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  alignas(std::max_align_t) std::array<std::byte, kSize> room_;
  std::size_t used_ = 0;
};

}  // namespace trellis
