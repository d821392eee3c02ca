#include "worker/raft/wal_check.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace trellis {
namespace {

// A log is a row of blocks.  A record does not cross a block; a larger one goes in pieces, each with a head:
//
//   crc32c of all from the type on (masked) u32 | size u16 | type u8 | payload
//
// Types from 5 on (files that are used again) have a log number of four bytes in front of the payload, which the size
// does not count.  RocksDB, db/log_format.h.
constexpr std::size_t kBlockSize = 32'768;
constexpr std::size_t kHeadSize = 7;
constexpr std::size_t kTypeAt = 6;
constexpr std::uint8_t kFirstRecycledType = 5;
constexpr std::uint8_t kLastRecycledType = 8;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::uint32_t masked_crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<std::uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/// Whether the block's last record is said to be longer than the block, although all from its type on fits its
/// checksum.
bool ends_in_a_wrong_length(std::string_view block) {
  for (std::size_t at = 0; block.size() - at >= kHeadSize;) {
    const std::string_view rest = block.substr(at);
    const std::size_t size = byte_at(rest, 4) | static_cast<std::size_t>(byte_at(rest, 5)) << 8;
    const std::uint8_t type = byte_at(rest, kTypeAt);
    const bool is_recycled = type >= kFirstRecycledType && type <= kLastRecycledType;
    const std::size_t whole = kHeadSize + size + (is_recycled ? 4 : 0);
    if (whole > rest.size()) {
      std::uint32_t crc = 0;
      for (std::size_t i = 0; i < 4; ++i) crc |= static_cast<std::uint32_t>(byte_at(rest, i)) << (8 * i);
      return crc == masked_crc32c(rest.substr(kTypeAt));
    }
    at += whole;
  }
  return false;
}

Result<void> check_log_end(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (!file || failed) return Error{Code::kInternal, "log store: " + path.string() + " cannot be read"};
  if (size == 0) return {};
  // Only what ends with the file can be taken for torn.
  const std::uintmax_t begin = (size - 1) / kBlockSize * kBlockSize;
  std::array<char, kBlockSize> block{};
  file.seekg(static_cast<std::streamoff>(begin));
  file.read(block.data(), static_cast<std::streamsize>(size - begin));
  if (!file) return Error{Code::kInternal, "log store: " + path.string() + " cannot be read"};
  if (!ends_in_a_wrong_length({block.data(), static_cast<std::size_t>(size - begin)})) return {};
  return Error{Code::kInternal, "log store: " + path.string() +
                                    ": the length of its last record is damaged; put the file back as it was last; the "
                                    "other replicas hold this worker's data and serve on without it"};
}

}  // namespace

Result<void> check_log_ends(const std::string& folder) {
  std::error_code failed;
  // A folder that is not there yet has no logs.
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (entry.path().extension() != ".log") continue;
    if (auto checked = check_log_end(entry.path()); !checked) return checked;
  }
  return {};
}

}  // namespace trellis
