// What workers say to each other is read back, and refused where it is cut off.
#include "worker/peer_messages.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

template <typename Read>
void expect_refused_in_part(const std::string& packed, Read read) {
  ASSERT_TRUE(read(packed));
  for (std::size_t size = 0; size < packed.size(); ++size) EXPECT_FALSE(read(packed.substr(0, size))) << size;
  EXPECT_FALSE(read(packed + '\0'));
}

TEST(PeerMessages, ASpeakerIsReadBack) {
  const std::string packed =
      pack(Speaker{"0123456789abcdef0123456789abcdef", {7}, {8}, 9, true, true, 1'500, {1, 2, 3}});
  const auto speaker = read_speaker(packed);
  ASSERT_TRUE(speaker);
  EXPECT_EQ(speaker->cluster, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(speaker->id, WorkerId{7});
  EXPECT_EQ(speaker->nonce, BootNonce{8});
  EXPECT_EQ(speaker->incarnation, 9u);
  EXPECT_TRUE(speaker->leaving);
  EXPECT_TRUE(speaker->full);
  EXPECT_EQ(speaker->unwelcome_ms, 1'500u);
  EXPECT_EQ(speaker->stamps, (Stamps{1, 2, 3}));
  expect_refused_in_part(packed, [](const std::string& bytes) { return bool(read_speaker(bytes)); });
  EXPECT_FALSE(read_speaker(pack(Speaker{"c", {0}, {8}, 9, false}))) << "no worker has the id 0";
}

TEST(PeerMessages, WhatIsKnownOfAnIncarnationIsReadBack) {
  const std::string packed = pack(Known{1, 2, 3, {4}, {{{0}, {{9}, 5, 6, true}}, {{1023}, {{9}, 7, 8, false}}}});
  const auto known = read_known(packed);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->answers, 1u);
  EXPECT_EQ(known->challenge, 2u);
  EXPECT_EQ(known->incarnation, 3u);
  EXPECT_EQ(known->nonce, BootNonce{4});
  ASSERT_EQ(known->promises.size(), 2u);
  EXPECT_EQ(known->promises[1].first, PartitionId{1023});
  EXPECT_EQ(known->promises[1].second.index, 8u);
  EXPECT_EQ(known->promises[1].second.replica, ReplicaId{9});
  EXPECT_TRUE(known->promises[0].second.has_voted);
  expect_refused_in_part(packed, [](const std::string& bytes) { return bool(read_known(bytes)); });
}

TEST(PeerMessages, TimesOfGroupsAreReadBack) {
  const GroupTimes times{{{0}, {1, 2}}, {{1023}, {3, kGroupTimeMax}}};
  const auto read = read_times(pack(times));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, times);
  expect_refused_in_part(pack(times), [](const std::string& bytes) { return bool(read_times(bytes)); });
  EXPECT_FALSE(read_times(pack(GroupTimes{{{0}, {1, kGroupTimeMax + 1}}})));
}

TEST(PeerMessages, ARequestForAChunkIsReadBack) {
  const std::string packed = pack(ChunkWanted{{3}, "p3-17", 1ull << 40, 4096});
  const auto wanted = read_chunk_wanted(packed);
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->group, PartitionId{3});
  EXPECT_EQ(wanted->name, "p3-17");
  EXPECT_EQ(wanted->offset, 1ull << 40);
  EXPECT_EQ(wanted->size, 4096u);
  expect_refused_in_part(packed, [](const std::string& bytes) { return bool(read_chunk_wanted(bytes)); });
}

TEST(PeerMessages, AChunkIsReadBack) {
  const std::string packed = pack(Chunk{{3}, "p3-17", 1ull << 40});
  const auto chunk = read_chunk(packed);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->name, "p3-17");
  EXPECT_EQ(chunk->offset, 1ull << 40);
  expect_refused_in_part(packed, [](const std::string& bytes) { return bool(read_chunk(bytes)); });
}

TEST(PeerMessages, ANameThatNoSnapshotHasIsRefused) {
  EXPECT_FALSE(read_chunk(pack(Chunk{{3}, std::string(257, 'n'), 0})));
  EXPECT_FALSE(read_chunk_wanted(pack(ChunkWanted{{3}, std::string(257, 'n'), 0, 1})));
}

}  // namespace
}  // namespace trellis
