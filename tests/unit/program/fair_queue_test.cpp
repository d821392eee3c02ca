#include "program/fair_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace trellis {
namespace {

using ::testing::ElementsAre;

/// Takes so much, in pieces of `piece`.
struct Job {
  std::string name;
  Effort left = 0;
  Effort piece = 1'000;
};

class FairQueueTest : public ::testing::Test {
 protected:
  using Queue = FairQueue<int, Job>;

  Effort run(Effort most) {
    return queue_.run(most, [this](Job& job, Effort may_take) {
      JobTurn turn;
      while (job.left > 0 && turn.taken < may_take) {
        const Effort piece = std::min(job.piece, job.left);
        job.left -= piece;
        turn.taken += piece;
      }
      turn.is_done = job.left == 0;
      if (turn.is_done) done_.push_back(job.name);
      return turn;
    });
  }

  Queue queue_;
  std::vector<std::string> done_;
};

TEST_F(FairQueueTest, ALittleIsDoneAfterOneQuantumOfTheOthers) {
  for (int i = 0; i < 20; ++i) queue_.add(1, {"large", 100 * Queue::kQuantum});
  queue_.add(2, {"little", 1'000});
  run(Queue::kQuantum + 1'000);
  EXPECT_THAT(done_, ElementsAre("little"));
}

TEST_F(FairQueueTest, ClientsGetTheSameHoweverTheirJobsAreCut) {
  queue_.add(1, {"one", 50 * Queue::kQuantum});
  for (int i = 0; i < 5000; ++i) queue_.add(2, {"many", Queue::kQuantum / 100});
  run(20 * Queue::kQuantum);
  EXPECT_NEAR(static_cast<double>(done_.size()), 1000, 100) << "a half of what was done";
}

TEST_F(FairQueueTest, ARunTakesNoMoreThanItMayAndTheLastPiece) {
  for (int client = 0; client < 30; ++client) queue_.add(client, {"job", 3 * Queue::kQuantum, 7'777});
  for (const Effort most : {Effort{1}, Effort{500}, Queue::kQuantum, 10 * Queue::kQuantum}) {
    EXPECT_LT(run(most), most + 7'777);
  }
}

TEST_F(FairQueueTest, WhoCouldNotStopPassesItsTurnsUntilTheOthersHadAsMuch) {
  queue_.add(1, {"whole", 10 * Queue::kQuantum, 10 * Queue::kQuantum});
  queue_.add(1, {"behind", 1'000});
  queue_.add(2, {"other", 8 * Queue::kQuantum});
  run(30 * Queue::kQuantum);
  EXPECT_THAT(done_, ElementsAre("whole", "other", "behind"));
}

TEST_F(FairQueueTest, AClientsOwnJobsStayInOrderAndItIsForgottenBehindTheLast) {
  queue_.add(1, {"first", 5'000});
  queue_.add(1, {"second", 1'000});
  EXPECT_TRUE(queue_.has(1));
  EXPECT_FALSE(queue_.has(2));
  EXPECT_EQ(run(Queue::kQuantum), 6'000u);
  EXPECT_THAT(done_, ElementsAre("first", "second"));
  EXPECT_FALSE(queue_.has(1));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(FairQueueTest, AJobMayAddOthers) {
  queue_.add(1, {"first", 1});
  queue_.run(Queue::kQuantum, [this](const Job& job, Effort) {
    done_.push_back(job.name);
    if (done_.size() < 4) queue_.add(static_cast<int>(done_.size() % 2), {"next", 1});
    return JobTurn{1, true};
  });
  EXPECT_THAT(done_, ElementsAre("first", "next", "next", "next"));
}

}  // namespace
}  // namespace trellis
