#include "worker/peer_messages.hpp"

#include "protocol/limits.hpp"

namespace trellis {
namespace {

/// As SnapshotStore makes them; a longer one is not ours.
constexpr std::size_t kNameSizeMax = 256;

Error broken(const char* what) { return invalid_argument(std::string("a broken ") + what + " from a peer"); }

}  // namespace

std::string pack(const Speaker& speaker) {
  std::string out;
  FieldWriter fields(out);
  fields.u64(speaker.id.value).u64(speaker.nonce.value).u64(speaker.incarnation).u8(speaker.leaving).u8(speaker.full);
  fields.u32(speaker.unwelcome_ms);
  fields.u64(speaker.stamps.sent).u64(speaker.stamps.echo).u64(speaker.stamps.held).u64(speaker.recovery);
  fields.bytes(speaker.cluster);
  return out;
}

std::string pack(const Known& known) {
  std::string out;
  FieldWriter fields(out);
  fields.u64(known.answers).u64(known.challenge).u64(known.incarnation).u64(known.nonce.value);
  fields.u32(static_cast<std::uint32_t>(known.promises.size()));
  for (const auto& [group, promise] : known.promises) {
    fields.u32(group.value).u64(promise.replica.value);
    fields.u64(promise.term).u64(promise.index).u8(promise.has_voted);
  }
  return out;
}

std::string pack_challenge(std::uint64_t challenge) {
  std::string out;
  FieldWriter(out).u64(challenge);
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

std::string pack(const GroupTimes& times) {
  std::string out;
  FieldWriter fields(out);
  fields.u32(static_cast<std::uint32_t>(times.size()));
  for (const auto& [group, time] : times) fields.u32(group.value).u64(time.term).u64(time.ms);
  return out;
}

Result<Speaker> read_speaker(std::string_view header) {
  FieldReader fields(header);
  Speaker speaker;
  speaker.id = {fields.u64()};
  speaker.nonce = {fields.u64()};
  speaker.incarnation = fields.u64();
  const std::uint8_t leaving = fields.u8();
  speaker.leaving = leaving == 1;
  const std::uint8_t full = fields.u8();
  speaker.full = full == 1;
  speaker.unwelcome_ms = fields.u32();
  speaker.stamps.sent = fields.u64();
  speaker.stamps.echo = fields.u64();
  speaker.stamps.held = fields.u64();
  speaker.recovery = fields.u64();
  speaker.cluster = fields.bytes();
  const bool has_ids = speaker.id.value != 0 && speaker.incarnation != 0;
  if (!fields.at_end() || !has_ids || leaving > 1 || full > 1) return broken("greeting");
  return speaker;
}

Result<Known> read_known(std::string_view header) {
  FieldReader fields(header);
  Known known;
  known.answers = fields.u64();
  known.challenge = fields.u64();
  known.incarnation = fields.u64();
  known.nonce = {fields.u64()};
  const std::uint32_t count = fields.u32();
  if (count > kPartitionsMax) return broken("account of an incarnation");
  for (std::uint32_t i = 0; i < count; ++i) {
    const PartitionId group{fields.u32()};
    Promise promise{{fields.u64()}, fields.u64(), fields.u64(), false};
    const std::uint8_t has_voted = fields.u8();
    if (has_voted > 1) return broken("account of an incarnation");
    promise.has_voted = has_voted == 1;
    known.promises.emplace_back(group, promise);
  }
  if (!fields.at_end()) return broken("account of an incarnation");
  return known;
}

Result<std::uint64_t> read_challenge(std::string_view header) {
  FieldReader fields(header);
  const std::uint64_t challenge = fields.u64();
  if (!fields.at_end() || challenge == 0) return broken("challenge");
  return challenge;
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

Result<GroupTimes> read_times(std::string_view header) {
  FieldReader fields(header);
  const std::uint32_t count = fields.u32();
  if (count > kPartitionsMax) return broken("account of times");
  GroupTimes times;
  for (std::uint32_t i = 0; i < count; ++i) {
    const PartitionId group{fields.u32()};
    const GroupTime time{fields.u64(), fields.u64()};
    if (time.ms > kGroupTimeMax) return broken("account of times");
    times.emplace_back(group, time);
  }
  if (!fields.at_end()) return broken("account of times");
  return times;
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
