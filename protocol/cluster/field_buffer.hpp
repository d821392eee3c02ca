// FieldBuffer: the fields of a header that each message has, gathered without an allocation.  What FieldReader reads.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/check.hpp"
#include "protocol/cluster/bundle.hpp"

namespace trellis {

/// @tparam kMax  bytes of all fields together
template <std::size_t kMax>
class FieldBuffer {
 public:
  FieldBuffer& u8(std::uint8_t value) { return number(value); }
  FieldBuffer& u32(std::uint32_t value) { return number(value); }
  FieldBuffer& u64(std::uint64_t value) { return number(value); }
  FieldBuffer& raw(std::string_view bytes) {
    CHECK(size_ + bytes.size() <= kMax);
    if (!bytes.empty()) std::memcpy(bytes_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
    return *this;
  }
  std::string_view view() const { return {bytes_, size_}; }

 private:
  template <typename T>
  FieldBuffer& number(T value) {
    CHECK(size_ + sizeof value <= kMax);
    value = little_endian(value);
    std::memcpy(bytes_ + size_, &value, sizeof value);
    size_ += sizeof value;
    return *this;
  }

  char bytes_[kMax];
  std::size_t size_ = 0;
};

}  // namespace trellis
