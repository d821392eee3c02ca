#include "cli/backup/put_batches.hpp"

#include <gtest/gtest.h>

#include "protocol/command.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/cli/backup/sample_backup.hpp"

namespace trellis {
namespace {

constexpr TimePoint kStart{std::chrono::seconds(100)};
constexpr std::chrono::seconds kPatience{10};

/// The reply to a BATCH whose items were answered so.
struct Answered {
  explicit Answered(const std::vector<std::string>& statuses) {
    PackedWriter writer(packed);
    writer.array(statuses.size());
    for (const std::string& status : statuses) writer.array(3).str(status).nil().map(0);
    reply.result = packed;
  }
  std::string packed;
  Reply reply;
};

BackupRecord record(std::string_view key, const std::string& document, std::optional<std::uint64_t> ttl = {}) {
  return {key, document, 1, ttl};
}

TEST(PutBatches, MakeRequestsThatAClusterTakes) {
  PutBatches batches(true, kPatience);
  const std::string document = sample_document(1);
  batches.add(7, record("a", document, 5'000));
  batches.add(7, record("b", document));
  EXPECT_FALSE(batches.next(kStart)) << "more may come";
  batches.close(7);
  const auto ready = batches.next(kStart);
  ASSERT_TRUE(ready);
  const auto items = read_batch(ready->arguments);
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 2u);
  for (const BatchItem& item : *items) {
    EXPECT_FALSE(item.error);
    EXPECT_TRUE(item.options.if_absent);
    EXPECT_EQ(read_put(item.arguments)->document, document);
  }
  EXPECT_EQ((*items)[0].options.ttl_ms, 5'000u);
  EXPECT_FALSE((*items)[1].options.ttl_ms);
  EXPECT_FALSE(batches.next(kStart)) << "it is under way";
  batches.on_answer(ready->number, Answered({"OK", "ALREADY_EXISTS"}).reply, kStart);
  EXPECT_TRUE(batches.is_empty(7));
  EXPECT_EQ(batches.stored(), 1u);
  EXPECT_EQ(batches.kept(), 1u);
}

TEST(PutBatches, SendAgainWhatWasNotDone) {
  PutBatches batches(false, kPatience);
  const std::string document = sample_document(1);
  batches.add(7, record("a", document));
  batches.close(7);
  const auto first = batches.next(kStart);
  ASSERT_TRUE(first);
  EXPECT_FALSE(read_batch(first->arguments)->front().options.if_absent);
  const std::string arguments(first->arguments);
  batches.on_answer(first->number, Answered({"UNAVAILABLE"}).reply, kStart);
  EXPECT_FALSE(batches.failure());
  EXPECT_FALSE(batches.next(kStart)) << "not at once";
  const auto again = batches.next(kStart + PutBatches::kPauseBeforeResend);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->arguments, arguments);
  batches.on_answer(again->number, Answered({"UNAVAILABLE"}).reply, kStart + kPatience);
  EXPECT_TRUE(batches.failure()) << "patience is over";
}

TEST(PutBatches, GiveUpWhereSendingAgainDoesNotHelp) {
  PutBatches batches(true, kPatience);
  batches.add(7, record("a", sample_document(1)));
  batches.close(7);
  const auto ready = batches.next(kStart);
  batches.on_answer(ready->number, Answered({"INVALID_ARGUMENT"}).reply, kStart);
  ASSERT_TRUE(batches.failure());
  EXPECT_EQ(batches.failure()->code, Code::kInvalidArgument);
}

TEST(PutBatches, AreOfOneStreamEach) {
  PutBatches batches(true, kPatience);
  const std::string document = sample_document(1);
  batches.add(0, record("a", document));
  batches.add(1, record("b", document));
  batches.close(0);
  const auto first = batches.next(kStart);
  ASSERT_TRUE(first);
  EXPECT_EQ(read_batch(first->arguments)->size(), 1u);
  EXPECT_FALSE(batches.has_ready());
  batches.close(1);
  const auto second = batches.next(kStart);
  ASSERT_TRUE(second);
  batches.on_answer(second->number, Answered({"OK"}).reply, kStart);
  EXPECT_TRUE(batches.is_empty(1));
  EXPECT_FALSE(batches.is_empty(0)) << "its batch is under way";
  batches.on_answer(first->number, Answered({"OK"}).reply, kStart);
  EXPECT_TRUE(batches.is_empty(0));
}

TEST(PutBatches, AreBoundedInRecordsAndBytes) {
  PutBatches batches(true, kPatience);
  const std::string document = sample_document(1);
  for (std::size_t i = 0; i < PutBatches::kRecordsMax; ++i) batches.add(7, record(std::to_string(i), document));
  const auto ready = batches.next(kStart);
  ASSERT_TRUE(ready) << "it is full";
  EXPECT_EQ(read_batch(ready->arguments)->size(), PutBatches::kRecordsMax);
  std::string large;
  PackedWriter(large).bin(std::string(4 << 20, 'x'));
  std::size_t held = 0;
  for (; batches.has_room(); ++held) batches.add(7, record("large" + std::to_string(held), large));
  EXPECT_LE(held, 17u);
}

}  // namespace
}  // namespace trellis
