// What remains of a BATCH's copies, against a model that knows when each copy was done.
#include "client/batch_answers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "protocol/command.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

struct Asked {
  std::string_view command;
  std::string_view key;
  bool writes() const { return command == "PUT"; }
};

std::string request_of(const std::vector<Asked>& items) {
  std::string arguments;
  PackedWriter writer(arguments);
  writer.array(1).array(items.size());
  for (const Asked& item : items) {
    writer.array(2).str(item.command).array(item.writes() ? 2 : 1).str(item.key);
    if (item.writes()) writer.natural(1);
  }
  return pack_request(1, Command::kBatch, arguments, {});
}

/// An item's answer: the moment that it saw or made, or a status without one.
struct Said {
  Code status = Code::kOk;
  std::uint64_t moment = 0;
};

Frame reply_of(const std::vector<Said>& items) {
  std::string result;
  PackedWriter writer(result);
  writer.array(items.size());
  for (const Said& item : items) {
    writer.array(3).str(name_of(item.status));
    item.status == Code::kOk ? writer.natural(item.moment) : writer.nil();
    pack_info(result, {});
  }
  Reply reply;
  reply.id = 1;
  reply.result = result;
  return Frame(pack_reply(reply));
}

void take(BatchAnswers& answers, const std::vector<Said>& items) {
  const Frame frame = reply_of(items);
  const auto reply = read_reply(frame.bytes());
  ASSERT_TRUE(reply);
  answers.take(frame, *reply);
}

std::vector<Said> merged(const BatchAnswers& answers) {
  const std::string packed = answers.pack(1, nullptr);
  const auto reply = read_reply(packed);
  std::vector<Said> items;
  PackedReader reader(reply ? reply->result : std::string_view());
  for (std::uint32_t left = reader.read_array().value_or(0); left > 0; --left) {
    EXPECT_EQ(reader.read_array(), 3u);
    Said& item = items.emplace_back();
    item.status = code_of(reader.read_str().value_or("")).value_or(Code::kInternal);
    PackedReader value(*reader.read_value());
    item.moment = value.read_uint().value_or(0);
    EXPECT_TRUE(reader.read_value());
  }
  return items;
}

constexpr Said kRefused{Code::kUnavailable, 0};
constexpr Said kNoRoom{Code::kResourceExhausted, 0};
constexpr Said kTooLate{Code::kDeadlineExceeded, 0};

/// Found by the simulator (disks 7582): the later copy was answered the first read, the earlier copy the second one.
TEST(BatchAnswers, ReadsOfAKeyComeFromOneCopyWhicheverIsAnsweredFirst) {
  BatchAnswers answers(request_of({{"HAS", "a"}, {"GET", "a"}}));
  take(answers, {{Code::kOk, 9}, kNoRoom});
  EXPECT_FALSE(answers.is_complete());
  take(answers, {{Code::kOk, 4}, {Code::kOk, 4}});
  EXPECT_TRUE(answers.is_complete());
  EXPECT_EQ(merged(answers)[0].moment, 4u);
  EXPECT_EQ(merged(answers)[1].moment, 4u);
}

TEST(BatchAnswers, AReadWithoutTheWriteBeforeItIsNotShownOnceAnotherCopyDidTheWrite) {
  for (const bool is_first : {false, true}) {
    BatchAnswers answers(request_of({{"PUT", "a"}, {"GET", "a"}}));
    if (is_first) take(answers, {kRefused, {Code::kOk, 1}});
    take(answers, {{Code::kOk, 7}, kTooLate});
    if (!is_first) take(answers, {kRefused, {Code::kOk, 1}});
    EXPECT_FALSE(answers.is_complete());
    EXPECT_EQ(merged(answers)[0].moment, 7u);
    EXPECT_NE(merged(answers)[1].status, Code::kOk) << "it saw a moment before the write";
  }
}

TEST(BatchAnswers, KeysDoNotWaitForEachOther) {
  BatchAnswers answers(request_of({{"GET", "a"}, {"GET", "b"}}));
  take(answers, {{Code::kOk, 3}, kRefused});
  take(answers, {kRefused, {Code::kOk, 2}});
  EXPECT_TRUE(answers.is_complete());
  EXPECT_EQ(merged(answers)[0].moment, 3u);
  EXPECT_EQ(merged(answers)[1].moment, 2u);
}

TEST(BatchAnswers, AWriteThatOnlyOneCopyDidIsKept) {
  BatchAnswers answers(request_of({{"PUT", "a"}, {"PUT", "a"}}));
  take(answers, {{Code::kOk, 3}, kRefused});
  take(answers, {kRefused, {Code::kOk, 5}});
  EXPECT_TRUE(answers.is_complete());
}

/// One key with a history of moments.  A copy is done at one moment: its reads see that; its writes are done once, by
/// the copy that was done first of those that did them, and reads beside them see the moment behind the last.
class Copies {
 public:
  Copies(std::vector<Asked> items, std::uint32_t seed) : items_(std::move(items)), random_(seed) {}

  std::vector<std::vector<Said>> draw() {
    std::vector<std::vector<Said>> copies(2 + random_() % 3);
    std::vector<std::uint64_t> done_at(items_.size());
    std::uint64_t moment = 0;
    for (auto& copy : copies) {
      const bool is_refused_writes = random_() % 3 == 0;
      for (std::size_t i = 0; i < items_.size(); ++i) {
        moment += 1 + random_() % 3;
        if (!items_[i].writes()) {
          copy.push_back(is_lost() ? kTooLate : Said{Code::kOk, moment});
        } else if (is_refused_writes) {
          copy.push_back(kRefused);
        } else {
          if (done_at[i] == 0) done_at[i] = moment;
          copy.push_back(is_lost() ? kTooLate : Said{Code::kOk, done_at[i]});
        }
      }
    }
    std::shuffle(copies.begin(), copies.end(), random_);
    return copies;
  }

 private:
  bool is_lost() { return random_() % 4 == 0; }

  std::vector<Asked> items_;
  std::mt19937 random_;
};

TEST(BatchAnswers, InWhateverOrderCopiesAreAnsweredEachItemSeesWhatStandsBeforeIt) {
  const std::vector<std::vector<Asked>> batches = {
      {{"GET", "a"}, {"HAS", "a"}, {"GET", "a"}},
      {{"PUT", "a"}, {"GET", "a"}, {"HAS", "a"}},
      {{"PUT", "a"}, {"PUT", "a"}, {"GET", "a"}},
  };
  std::size_t complete = 0;
  for (std::uint32_t seed = 0; seed < 6'000; ++seed) {
    const auto& asked = batches[seed % batches.size()];
    BatchAnswers answers(request_of(asked));
    for (const auto& copy : Copies(asked, seed).draw()) take(answers, copy);
    complete += answers.is_complete() ? 1 : 0;
    std::uint64_t moment = 0;
    for (const Said& item : merged(answers)) {
      if (item.status != Code::kOk) continue;
      ASSERT_GE(item.moment, moment) << "seed " << seed;
      moment = item.moment;
    }
  }
  EXPECT_GT(complete, 2'000u);
}

}  // namespace
}  // namespace trellis
