// What a worker reads back from its log at the start: the bytes are the folder's files, one segment and one spare.
// Whatever they hold, the log opens or says what is damaged; what opens can be read.
#include "protocol/check.hpp"
#include "sim/memory_disk.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "worker/log/recovery.hpp"
#include "worker/log/segment_reader.hpp"

namespace trellis {
namespace {

std::string whole_blocks(std::string_view bytes) {
  std::string file(bytes);
  file.resize((file.size() + kBlockSize - 1) / kBlockSize * kBlockSize);
  return file;
}

/// Marks every sector as whole, so that what is fuzzed is what lies behind the checksums.
void seal_all(std::string& file) {
  for (std::size_t at = 0; at < file.size(); at += kSectorSize) {
    const auto ordinal = static_cast<std::uint32_t>(static_cast<unsigned char>(file[at + kSectorContent]) % 4);
    seal_sector(file.data() + at, {7, ordinal}, at);
  }
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view bytes = text_of(data, size);
  if (bytes.empty() || bytes.size() > (1 << 16)) return 0;
  std::string file = whole_blocks(bytes.substr(1));
  if (bytes[0] % 2 == 0) seal_all(file);
  sim::MemoryDisk disk([] { return 1; });
  disk.put_back({{segment_file_name(1), file}, {segment_file_name(2), whole_blocks(bytes.substr(bytes.size() / 2))}});
  const auto recovered = recover(disk);
  if (recovered) CHECK(recovered->next_offset % kBlockSize == 0);
  std::string_view records = bytes;
  while (take_record(records)) {
  }
  return 0;
}
