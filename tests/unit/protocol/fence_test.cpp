#include "protocol/fence.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

std::string packed(const std::function<void(PackedWriter&)>& write) {
  std::string bytes;
  PackedWriter writer(bytes);
  write(writer);
  return bytes;
}

TEST(Fence, ArgumentsReadBackAsTheyWerePacked) {
  for (const FenceAction action : {FenceAction::kKeep, FenceAction::kEnd, FenceAction::kRaise}) {
    const auto read = read_fence(pack_fence({3, action, {7, 2}}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->partition, 3u);
    EXPECT_EQ(read->action, action);
    EXPECT_EQ(read->fence, (FenceName{7, 2}));
  }
  const auto begin = read_fence(pack_fence({1023, FenceAction::kBegin, {}}));
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->action, FenceAction::kBegin);
  const auto holds = read_fence_holds(pack_fence_holds(5, {9, 4}));
  ASSERT_TRUE(holds);
  EXPECT_EQ(holds->fence, (FenceName{9, 4}));
  const auto page = read_fence_page(pack_fence_page({5, {9, 4}, "key", 1'000}));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->after, "key");
  EXPECT_EQ(page->size_max, 1'000u);
  EXPECT_FALSE(read_fence_page(pack_fence_page({5, {9, 4}, std::nullopt, 1}))->after);
  const auto fence = read_fence_result(pack_result(Fence{{9, 4}, 100}));
  ASSERT_TRUE(fence);
  EXPECT_EQ(fence->highest, 100u);
}

TEST(Fence, WhatCannotBeIsRefused) {
  EXPECT_FALSE(read_fence(packed([](auto& w) { w.array(2).natural(1).str("keep"); }))) << "it is of no fence";
  EXPECT_FALSE(read_fence(packed([](auto& w) { w.array(2).natural(1).str("other"); })));
  EXPECT_FALSE(read_fence(packed([](auto& w) { w.array(4).natural(1).str("begin").natural(1).natural(1); })));
  EXPECT_FALSE(read_fence(packed([](auto& w) { w.array(2).natural(kPartitionsMax).str("begin"); })));
  EXPECT_FALSE(read_fence(packed([](auto& w) { w.array(3).natural(1).str("end").natural(1); })));
  EXPECT_FALSE(read_fence_holds(packed([](auto& w) { w.array(2).natural(1).natural(1); })));
  EXPECT_FALSE(read_fence_page(pack_fence_page({5, {9, 4}, std::nullopt, 0})));
  EXPECT_FALSE(read_fence_page(pack_fence_page({5, {9, 4}, std::nullopt, kPageSizeMax + 1})));
  EXPECT_TRUE(read_fence_page(pack_fence_page({5, {9, 4}, std::nullopt, kPageSizeMax})));
  EXPECT_FALSE(read_fence_page(pack_fence_page({5, {9, 4}, "", 1}))) << "no key is empty";
  EXPECT_FALSE(read_fence_result(packed([](auto& w) { w.array(2).natural(1).natural(1); })));
}

TEST(Fence, TheBrokerReadsThePartitionAlone) {
  EXPECT_EQ(*read_routing_partition(pack_fence({3, FenceAction::kBegin, {}})), 3u);
  EXPECT_EQ(*read_routing_partition(pack_fence_page({7, {9, 4}, std::nullopt, 1})), 7u);
  EXPECT_FALSE(read_routing_partition(packed([](auto& w) { w.array(0); })));
  EXPECT_FALSE(read_routing_partition("x"));
}

}  // namespace
}  // namespace trellis
