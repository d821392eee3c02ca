#include "protocol/value_hash.hpp"

#define XXH_INLINE_ALL  // Most of what is hashed is some bytes long.
#include <xxhash.h>

#include <cstring>
#include <string>
#include <type_traits>

#include "protocol/cluster/bundle.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// Stands for a map; MessagePack never uses it.
constexpr char kMapMark = static_cast<char>(0xc1);

class ValueHasher {
 public:
  explicit ValueHasher(std::string_view packed)
      : run_(packed.data()), at_(packed.data()), end_(packed.data() + packed.size()) {}

  /// False: it is not one whole value.
  bool read() { return values(1, 0) && at_ == end_; }

  std::uint64_t hash(std::string_view packed, std::uint64_t seed) {
    if (written_.empty()) return XXH3_64bits_withSeed(packed.data(), packed.size(), seed);
    write_run();
    return XXH3_64bits_withSeed(written_.data(), written_.size(), seed);
  }

 private:
  bool values(std::uint64_t count, int depth);
  std::uint64_t pass_small(std::uint64_t count);
  bool map(std::uint64_t pairs, int depth);

  /// The big-endian number behind the head; at_ stands on the head, and the whole is there.
  template <typename T>
  T number() const {
    std::uint64_t value = 0;
    for (std::size_t i = 1; i <= sizeof(T); ++i) value = value << 8 | static_cast<std::uint8_t>(at_[i]);
    return static_cast<T>(value);
  }
  bool has(std::uint64_t size) const { return static_cast<std::uint64_t>(end_ - at_) >= size; }
  bool pass(std::uint64_t size) {
    if (!has(size)) return false;
    at_ += size;
    return true;
  }

  /// All from run_ on has its form: it is written down, where the rest cannot be hashed where it lies.
  void write_run() { written_.append(run_, static_cast<std::size_t>(at_ - run_)); }

  /// A head that is longer than it has to be is written anew; what follows it stays where it is.
  template <typename Write>
  void shorten(std::size_t head_size, Write write) {
    write_run();
    PackedWriter writer(written_);
    write(writer);
    at_ += head_size;
    run_ = at_;
  }

  template <typename Unsigned>
  bool natural(std::uint64_t at_least) {
    if (!has(1 + sizeof(Unsigned))) return false;
    const std::uint64_t value = number<Unsigned>();
    if (value >= at_least) return pass(1 + sizeof(Unsigned));
    shorten(1 + sizeof(Unsigned), [value](PackedWriter& writer) { writer.natural(value); });
    return true;
  }
  template <typename Unsigned>
  bool integer(std::int64_t below) {
    if (!has(1 + sizeof(Unsigned))) return false;
    // A byte is a number here, no letter: its sign counts.  NOLINTNEXTLINE(bugprone-signed-char-misuse)
    const std::int64_t value = static_cast<std::make_signed_t<Unsigned>>(number<Unsigned>());
    if (value < below) return pass(1 + sizeof(Unsigned));
    shorten(1 + sizeof(Unsigned), [value](PackedWriter& writer) { writer.integer(value); });
    return true;
  }
  template <typename Length>
  bool sized(std::uint64_t at_least, PackedWriter& (PackedWriter::*write)(std::string_view)) {
    if (!has(1 + sizeof(Length))) return false;
    const std::uint64_t size = number<Length>();
    if (size >= at_least) return pass(1 + sizeof(Length) + size);
    if (!has(1 + sizeof(Length) + size)) return false;
    const std::string_view bytes(at_ + 1 + sizeof(Length), size);
    shorten(1 + sizeof(Length) + size, [=](PackedWriter& writer) { (writer.*write)(bytes); });
    return true;
  }
  /// Its elements are `count` more values.
  template <typename Count>
  bool array(std::uint64_t at_least, std::uint64_t& count) {
    if (!has(1 + sizeof(Count))) return false;
    const std::uint64_t elements = number<Count>();
    count += elements;
    if (elements >= at_least) return pass(1 + sizeof(Count));
    shorten(1 + sizeof(Count), [elements](PackedWriter& writer) { writer.array(elements); });
    return true;
  }
  template <typename Count>
  bool long_map(int depth) {
    if (!has(1 + sizeof(Count))) return false;
    const std::uint64_t pairs = number<Count>();
    write_run();
    at_ += 1 + sizeof(Count);
    return map(pairs, depth);
  }

  std::string written_;  ///< The form of all in front of run_, as far as it is not hashed yet.
  const char* run_;
  const char* at_;
  const char* const end_;
};

bool ValueHasher::values(std::uint64_t count, int depth) {
  for (; count > 0; --count) {
    count = pass_small(count);
    if (count == 0) return true;
    if (at_ == end_) return false;
    const auto head = static_cast<std::uint8_t>(*at_);
    bool good = true;
    if (head <= 0x8f) {
      write_run();
      ++at_;
      if (!map(head & 0x0f, depth)) return false;
      continue;
    }
    switch (head) {
      case 0xc4: good = sized<std::uint8_t>(0, &PackedWriter::bin); break;
      case 0xc5: good = sized<std::uint16_t>(0x100, &PackedWriter::bin); break;
      case 0xc6: good = sized<std::uint32_t>(0x10000, &PackedWriter::bin); break;
      case 0xca: good = pass(1 + sizeof(float)); break;
      case 0xcc: good = natural<std::uint8_t>(0x80); break;
      case 0xcd: good = natural<std::uint16_t>(0x100); break;
      case 0xce: good = natural<std::uint32_t>(0x10000); break;
      case 0xcf: good = natural<std::uint64_t>(0x100000000); break;
      case 0xd0: good = integer<std::uint8_t>(-32); break;
      case 0xd1: good = integer<std::uint16_t>(INT8_MIN); break;
      case 0xd2: good = integer<std::uint32_t>(INT16_MIN); break;
      case 0xd3: good = integer<std::uint64_t>(INT32_MIN); break;
      case 0xd9: good = sized<std::uint8_t>(32, &PackedWriter::str); break;
      case 0xda: good = sized<std::uint16_t>(0x100, &PackedWriter::str); break;
      case 0xdb: good = sized<std::uint32_t>(0x10000, &PackedWriter::str); break;
      case 0xdc: good = array<std::uint16_t>(16, count); break;
      case 0xdd: good = array<std::uint32_t>(0x10000, count); break;
      case 0xde: good = long_map<std::uint16_t>(depth); break;
      case 0xdf: good = long_map<std::uint32_t>(depth); break;
      default: return false;  // Documents have no ext types.
    }
    if (!good) return false;
  }
  return true;
}

/// Passes values with heads of one byte, but for maps: most that there are.  Returns how many of `count` are left.
std::uint64_t ValueHasher::pass_small(std::uint64_t count) {
  constexpr std::uint64_t kTopBits = 0x8080808080808080;
  const char* at = at_;  // In a register: bytes that are written may not be it.
  while (count > 0 && at != end_) {
    const auto head = static_cast<std::uint8_t>(*at);
    if (head >= 0xa0 && head <= 0xbf) {
      const std::ptrdiff_t size = 1 + (head & 0x1f);
      if (end_ - at < size) break;
      at += size;
    } else if (head <= 0x7f) {
      std::uint64_t word = kTopBits;
      if (count > sizeof word && end_ - at >= static_cast<std::ptrdiff_t>(sizeof word)) {
        std::memcpy(&word, at, sizeof word);
      }
      // Eight at a time, where so many stand in a row.
      const std::uint64_t passed = (word & kTopBits) == 0 ? sizeof word : 1;
      at += passed;
      count -= passed - 1;
    } else if (head >= 0xe0 || head == 0xc0 || head == 0xc2 || head == 0xc3) {
      ++at;
    } else if (head >= 0x90 && head <= 0x9f) {
      count += head & 0x0f;
      ++at;
    } else if (head == 0xcb) {
      constexpr std::ptrdiff_t kSize = 1 + sizeof(double);
      if (end_ - at < kSize) break;
      at += kSize;
    } else {
      break;
    }
    --count;
  }
  at_ = at;
  return count;
}

/// Its head was passed, and what stands in front of it is written down.
bool ValueHasher::map(std::uint64_t pairs, int depth) {
  if (depth == kNestingMax) return false;
  const std::size_t before = written_.size();
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < pairs; ++i) {
    run_ = at_;
    if (!values(2, depth + 1)) return false;
    if (written_.size() == before) {
      sum += XXH3_64bits(run_, static_cast<std::size_t>(at_ - run_));
      continue;
    }
    write_run();
    sum += XXH3_64bits(written_.data() + before, written_.size() - before);
    written_.resize(before);
  }
  written_.push_back(kMapMark);
  FieldWriter(written_).u64(pairs).u64(sum);
  run_ = at_;
  return true;
}

}  // namespace

std::uint64_t hash_of_value(std::string_view packed, std::uint64_t seed) {
  ValueHasher hasher(packed);
  if (!hasher.read()) return XXH3_64bits_withSeed(packed.data(), packed.size(), seed);
  return hasher.hash(packed, seed);
}

}  // namespace trellis
