// Records of a data file, packed as the argument of one BATCH while they are read.
#pragma once

#include <xxhash.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/packed.hpp"

namespace trellis {

/// Invariant: `keys`, `lines` and the packed items run in parallel, in the order of the file.
struct RecordBatch {
  std::string arguments;              ///< [[item, ...]], once sealed.
  std::vector<std::uint64_t> keys;    ///< Hashes; two keys with one hash only wait for one another needlessly.
  std::vector<std::uint64_t> lines;   ///< Where each record stands.
  std::vector<std::string> mistakes;  ///< Wrong lines met meanwhile, as FILE:LINE:COLUMN: reason.
  std::uint64_t bytes = 0;            ///< Bytes of the file, from the end of the batch before to the end of this one.

  std::size_t records() const { return lines.size(); }

  void reserve(std::size_t records, std::size_t size) {
    arguments.reserve(size);
    keys.reserve(records);
    lines.reserve(records);
  }

  /// Begins a record.  Its packed document is to be appended to what is returned, before anything else is done here.
  std::string& begin(std::string_view key, std::uint64_t line) {
    if (arguments.empty()) arguments.assign("\x91\xdd\0\0\0\0", kHeadSize);
    arguments.append(kItemHead);
    PackedWriter(arguments).key(key);
    keys.push_back(XXH3_64bits(key.data(), key.size()));
    lines.push_back(line);
    return arguments;
  }
  void add(std::string_view key, std::string_view document, std::uint64_t line) { begin(key, line).append(document); }

  /// What is in it, to come back to.
  struct Mark {
    std::size_t records = 0;
    std::size_t size = 0;
  };
  Mark mark() const { return {records(), arguments.size()}; }
  /// Forgets what was added since.
  void take_back(const Mark& mark) {
    arguments.resize(mark.size);
    keys.resize(mark.records);
    lines.resize(mark.records);
  }

  /// Writes the number of items into the head, an array of one array with a 32-bit count.
  void seal() {
    const auto count = static_cast<std::uint32_t>(records());
    for (std::size_t i = 0; i < 4 && !arguments.empty(); ++i) {
      arguments[2 + i] = static_cast<char>(count >> (8 * (3 - i)));
    }
  }

 private:
  static constexpr std::size_t kHeadSize = 6;
  static constexpr std::string_view kItemHead = "\x92\xa3PUT\x92";  ///< ["PUT", [key, document]], up to the key.
};

}  // namespace trellis
