#include "protocol/cluster/bulk_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace trellis {
namespace {

using ::testing::ElementsAre;

BulkItem item(std::uint32_t client, std::size_t size, BulkItem::Key key = 0) {
  BulkItem item;
  item.client = client;
  item.body = Frame(std::string(size, 'x'));
  item.key = key;
  return item;
}

std::vector<std::uint32_t> clients_in_order(BulkQueue& queue) {
  std::vector<std::uint32_t> clients;
  while (!queue.empty()) clients.push_back(queue.take(queue.first()).client);
  return clients;
}

TEST(BulkQueue, ClientsShareTheLinkByBytes) {
  BulkQueue queue;
  for (int i = 0; i < 3; ++i) queue.add(item(1, 4'000));
  for (int i = 0; i < 4; ++i) queue.add(item(2, 1'500));
  EXPECT_THAT(clients_in_order(queue), ElementsAre(2, 2, 1, 2, 2, 1, 1));
}

TEST(BulkQueue, WhoComesLaterIsNotPaidForWhatItDidNotAsk) {
  BulkQueue queue;
  for (int i = 0; i < 5; ++i) queue.add(item(1, 1'000));
  for (int i = 0; i < 3; ++i) queue.take(queue.first());
  for (int i = 0; i < 3; ++i) queue.add(item(2, 1'000));
  EXPECT_THAT(clients_in_order(queue), ElementsAre(1, 2, 1, 2, 2));
}

TEST(BulkQueue, WhatIsOnItsWayStaysTheFirst) {
  BulkQueue queue;
  queue.add(item(1, 1'000'000, 7));
  const auto place = queue.hold_first();
  EXPECT_EQ(place->second.key, 7u);
  queue.add(item(2, 10));
  EXPECT_EQ(queue.front().client, 1u);
  queue.take(place);
  EXPECT_EQ(queue.front().client, 2u);
}

TEST(BulkQueue, ItemsOfOneClientStayInOrderWhateverTheirSize) {
  BulkQueue queue;
  for (const std::size_t size : {900, 1, 500, 1, 20'000}) queue.add(item(0, size));
  std::vector<std::size_t> sizes;
  while (!queue.empty()) sizes.push_back(queue.take(queue.first()).size());
  EXPECT_THAT(sizes, ElementsAre(900, 1, 500, 1, 20'000));
}

}  // namespace
}  // namespace trellis
