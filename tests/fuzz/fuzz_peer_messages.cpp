// Messages between workers: what is read is written the same again.
#include "protocol/check.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "worker/peer_messages.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view bytes = text_of(data, size);
  if (const auto speaker = read_speaker(bytes)) CHECK(pack(*speaker) == bytes);
  if (const auto known = read_known(bytes)) CHECK(pack(*known) == bytes);
  if (const auto challenge = read_challenge(bytes)) CHECK(pack_challenge(*challenge) == bytes);
  if (const auto wanted = read_chunk_wanted(bytes)) CHECK(pack(*wanted) == bytes);
  if (const auto chunk = read_chunk(bytes)) CHECK(pack(*chunk) == bytes);
  return 0;
}
