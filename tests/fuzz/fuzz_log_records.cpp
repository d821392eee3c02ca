// What a worker reads back from its log store, but for the entries' payloads: one value, read as every kind of record.
// What is taken packs to the same bytes.
#include "protocol/check.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "worker/raft/log_records.hpp"
#include "worker/snapshot/snapshot_file.hpp"

namespace trellis {
namespace {

void read_descriptor(std::string_view value) {
  const auto descriptor = read_snapshot_descriptor(value);
  if (!descriptor) return;
  const auto again = read_snapshot_descriptor(encode(*descriptor));
  CHECK(again && *again == *descriptor);
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view value = text_of(data, size);
  if (const auto local = records::read_local_replica(value)) CHECK(records::pack(*local) == value);
  if (const auto number = records::read_number(value)) CHECK(records::pack_number(*number) == value);
  if (const auto record = records::read_snapshot_record(value)) {
    CHECK(records::pack(*record) == value);
    read_descriptor(record->descriptor);
  }
  read_descriptor(value);
  return 0;
}
