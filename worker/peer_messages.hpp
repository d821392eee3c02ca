// What workers say to each other, as items of a Bundle whose first item says who speaks.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/bundle.hpp"
#include "protocol/types.hpp"

namespace trellis {

enum class PeerMessageType : std::uint8_t {
  kFrom = 1,         ///< header: Speaker.  First in each bundle.
  kRaft = 2,         ///< header: the head of a RaftMessage; body: its body.
  kQuestion = 3,     ///< header: a ConfirmationMessage.
  kAnswer = 4,       ///< header: a ConfirmationMessage.
  kChunkWanted = 5,  ///< header: ChunkWanted.
  kChunk = 6,        ///< header: Chunk; body: its bytes.
};

/// In every bundle, so that no message depends on an earlier one having arrived.
struct Speaker {
  ClusterId cluster;
  WorkerId id;
  BootNonce nonce;
  bool leaving = false;  ///< It is about to stop: no leadership is handed to it.
};

/// The receiver of a snapshot asks for its file piece by piece: flow control and resumption in one.
struct ChunkWanted {
  PartitionId group;
  std::string name;
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
};

/// An empty body means: that file is not here (any more).
struct Chunk {
  PartitionId group;
  std::string name;
  std::uint64_t offset = 0;
};

std::string pack(const Speaker& speaker);
std::string pack(const ChunkWanted& wanted);
std::string pack(const Chunk& chunk);
Result<Speaker> read_speaker(std::string_view header);
Result<ChunkWanted> read_chunk_wanted(std::string_view header);
Result<Chunk> read_chunk(std::string_view header);

}  // namespace trellis
