// Snapshot files, sealed with right checksums so that their content is reached: they are refused, or give a state that
// can be written and read again.
#include "protocol/check.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/unit/worker/memory_snapshot_store.hpp"
#include "tests/unit/worker/sealed_snapshot.hpp"
#include "worker/snapshot/snapshot_file.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view bytes = text_of(data, size);
  if (const auto read = read_snapshot_descriptor(bytes)) {
    const auto again = read_snapshot_descriptor(encode(*read));
    CHECK(again && *again == *read);
  }
  MemorySnapshotStore store;
  SnapshotDescriptor descriptor;
  descriptor.name = "some-snapshot";
  descriptor.partition = PartitionId{5};
  descriptor.index = LogIndex{6};  // As in the corpus.
  descriptor.term = Term{3};
  std::string& file = store.files[descriptor.name] = bytes;
  seal_again(file, descriptor);
  auto state = read_snapshot(descriptor, store);
  if (!state) return 0;
  const auto written =
      write_snapshot(state->freeze(), descriptor.partition, descriptor.index, descriptor.term, "again", store);
  CHECK(written);
  const auto again = read_snapshot(*written, store);
  CHECK(again && again->keys() == state->keys() && again->remembered_writes() == state->remembered_writes());
  return 0;
}
