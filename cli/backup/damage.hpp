// Damage: what is wrong with a backup, so that a person finds the place.
#pragma once

#include <cstdint>
#include <string>

namespace trellis {

struct Damage {
  std::string file;          ///< Empty where whoever asks knows it.
  std::uint64_t offset = 0;  ///< The byte at which what is wrong begins.
  bool is_unpacked = false;  ///< It counts the bytes that zstd gives back, not those of the file.
  std::string what;          ///< "the key does not follow the one before it"
  std::string right;         ///< What would be right: "a key of partition 3".  Empty where `what` says it.
};

/// partition-0003.msgpack.zst, byte 17 unpacked: a key out of order; right is a key greater than "user:7"
inline std::string to_text(const Damage& damage) {
  std::string text = damage.file + ", byte " + std::to_string(damage.offset);
  if (damage.is_unpacked) text += " unpacked";
  text += ": " + damage.what;
  return damage.right.empty() ? text : text + "; right is " + damage.right;
}

}  // namespace trellis
