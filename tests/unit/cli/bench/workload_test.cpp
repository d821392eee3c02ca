// The requests of the bench, read back with the protocol's own readers.
#include "cli/bench/workload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "protocol/arguments.hpp"

namespace trellis {
namespace {

using testing::HasSubstr;

Request read(std::string_view frame) {
  auto request = read_request(frame);
  EXPECT_TRUE(std::holds_alternative<Request>(request))
      << (std::holds_alternative<BadRequest>(request) ? std::get<BadRequest>(request).error.message : "");
  return std::get<Request>(request);
}

TEST(BenchDocument, IsAsLargeAsAskedForAndValid) {
  for (std::size_t size = kBenchDocumentMin; size < 700; ++size) {
    const std::string document = bench_document(size, 7);
    EXPECT_EQ(document.size(), size);
    EXPECT_TRUE(check_document(document)) << size;
  }
  for (const std::size_t size : {65'540u, 65'552u, 1u << 20}) EXPECT_EQ(bench_document(size, 7).size(), size);
}

TEST(RequestMaker, PacksEachOperation) {
  RequestMaker maker({});
  const Request get = read(maker.single(5, {Operation::kRead, 12, 0, 0}));
  EXPECT_EQ(get.id, 5u);
  EXPECT_EQ(get.command, Command::kGet);
  EXPECT_EQ(*read_key(get.arguments), "key:000000000012");

  const Request put = read(maker.single(std::uint64_t{1} << 62, {Operation::kUpdate, 3, 0, 99}));
  EXPECT_EQ(put.id, std::uint64_t{1} << 62);
  EXPECT_EQ(put.command, Command::kPut);
  EXPECT_EQ(read_put(put.arguments)->key, bench_key(3));
  EXPECT_EQ(read_put(put.arguments)->document, bench_document(64, 99));

  const Request query = read(maker.single(1, {Operation::kQuery, 3, 0, 0}));
  EXPECT_EQ(query.command, Command::kQuery);
  EXPECT_EQ(read_query(query.arguments)->path.size(), 1u);

  const Request compute = read(maker.single(1, {Operation::kCompute, 3, 4, 0}));
  const auto variables = read_compute(compute.arguments)->variables;
  ASSERT_EQ(variables.size(), 2u);
  EXPECT_EQ(variables[0].query.key, bench_key(3));
  EXPECT_EQ(variables[1].query.key, bench_key(4));

  const Request scan = read(maker.single(1, {Operation::kScan, 3, 0, 17}));
  EXPECT_EQ(scan.command, Command::kScan);
  EXPECT_EQ(read_page(scan.arguments)->limit, 17u);
  EXPECT_EQ(*read_page(scan.arguments)->after, bench_key(3));

  EXPECT_EQ(read(maker.single(1, {Operation::kKeys, 3, 0, 0})).command, Command::kKeys);
  const Request increment = read(maker.single(1, {Operation::kIncrement, 3, 0, 0}));
  EXPECT_EQ(increment.command, Command::kPatch);
  EXPECT_EQ(read_patch(increment.arguments, Dialect::kOwn)->key, bench_key(3));
}

TEST(RequestMaker, PacksABatch) {
  RequestMaker maker({});
  maker.begin_batch(8, 2);
  maker.add({Operation::kRead, 1, 0, 0});
  maker.add({Operation::kUpdate, 2, 0, 7});
  const Request batch = read(maker.end_batch());
  EXPECT_EQ(batch.command, Command::kBatch);
  const auto items = read_batch(batch.arguments);
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 2u);
  EXPECT_FALSE((*items)[0].error);
  EXPECT_EQ(read_put((*items)[1].arguments)->document, bench_document(64, 7));
}

TEST(RequestMaker, CarriesOptionsWhereTheyBelong) {
  RequestMaker maker({64, std::chrono::milliseconds(100), true});
  EXPECT_TRUE(read(maker.single(1, {Operation::kRead, 1, 0, 0})).options.stale);
  const Request put = read(maker.single(1, {Operation::kUpdate, 1, 0, 0}));
  EXPECT_FALSE(put.options.stale);
  EXPECT_EQ(put.options.timeout, std::chrono::milliseconds(100));
  maker.begin_batch(1, 2);
  maker.add({Operation::kRead, 1, 0, 0});
  maker.add({Operation::kUpdate, 1, 0, 0});
  const Request batch = read(maker.end_batch());
  EXPECT_EQ(batch.options.timeout, std::chrono::milliseconds(100));
  const auto items = read_batch(batch.arguments);
  EXPECT_FALSE((*items)[0].error);
  EXPECT_TRUE((*items)[0].options.stale);
  EXPECT_FALSE((*items)[1].error);
}

TEST(Workload, MixesAsItSays) {
  BenchRandom random(4);
  std::map<Operation, int> seen;
  for (int i = 0; i < 100'000; ++i) ++seen[find_workload("b")->next(random)];
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_NEAR(seen[Operation::kRead], 95'000, 500);
}

TEST(Workload, EachIsWhole) {
  for (const Workload& workload : workloads()) {
    int percent = 0;
    for (const auto& part : workload.parts) percent += part.percent;
    EXPECT_EQ(percent, 100) << workload.name;
  }
  EXPECT_EQ(find_workload("g"), nullptr);
  EXPECT_EQ(find_workload("d")->text(), "95 % read, 5 % insert");
}

}  // namespace
}  // namespace trellis
