#include "worker/peer_messages.hpp"

namespace trellis {
namespace {

/// As SnapshotStore makes them; a longer one is not ours.
constexpr std::size_t kNameSizeMax = 256;

Error broken(const char* what) { return invalid_argument(std::string("a broken ") + what + " from a peer"); }

}  // namespace

std::string pack(const Speaker& speaker) {
  std::string out;
  FieldWriter(out).u64(speaker.id.value).u64(speaker.nonce.value).u8(speaker.leaving).bytes(speaker.cluster);
  return out;
}

std::string pack(const ChunkWanted& wanted) {
  std::string out;
  FieldWriter(out).u32(wanted.group.value).u64(wanted.offset).u32(wanted.size).bytes(wanted.name);
  return out;
}

std::string pack(const Chunk& chunk) {
  std::string out;
  FieldWriter(out).u32(chunk.group.value).u64(chunk.offset).bytes(chunk.name);
  return out;
}

Result<Speaker> read_speaker(std::string_view header) {
  FieldReader fields(header);
  Speaker speaker;
  speaker.id = {fields.u64()};
  speaker.nonce = {fields.u64()};
  const std::uint8_t leaving = fields.u8();
  speaker.leaving = leaving == 1;
  speaker.cluster = fields.bytes();
  if (!fields.at_end() || speaker.id.value == 0 || leaving > 1) return broken("greeting");
  return speaker;
}

Result<ChunkWanted> read_chunk_wanted(std::string_view header) {
  FieldReader fields(header);
  ChunkWanted wanted;
  wanted.group = {fields.u32()};
  wanted.offset = fields.u64();
  wanted.size = fields.u32();
  wanted.name = fields.bytes();
  if (!fields.at_end() || wanted.name.size() > kNameSizeMax) return broken("request for a chunk");
  return wanted;
}

Result<Chunk> read_chunk(std::string_view header) {
  FieldReader fields(header);
  Chunk chunk;
  chunk.group = {fields.u32()};
  chunk.offset = fields.u64();
  chunk.name = fields.bytes();
  if (!fields.at_end() || chunk.name.size() > kNameSizeMax) return broken("chunk");
  return chunk;
}

}  // namespace trellis
