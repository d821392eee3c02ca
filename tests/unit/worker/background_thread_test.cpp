// Work off the loop: done in order, finished on the loop, freed where it ran.
#include "worker/background_thread.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <future>
#include <memory>
#include <vector>

namespace trellis {
namespace {

/// Whether the thread says within ten seconds that something has finished.
bool tells(const BackgroundThread& background) {
  pollfd fd{background.fd(), POLLIN, 0};
  return poll(&fd, 1, 10'000) == 1;
}

TEST(BackgroundThread, RunsTheWorkElsewhereAndItsEndHere) {
  BackgroundThread background;
  std::thread::id worked;
  std::thread::id ended;
  background.run([&] { worked = std::this_thread::get_id(); }, [&] { ended = std::this_thread::get_id(); });
  while (ended == std::thread::id{} && tells(background)) background.run_finished();
  EXPECT_NE(worked, std::this_thread::get_id());
  EXPECT_EQ(ended, std::this_thread::get_id());
}

TEST(BackgroundThread, DoesOneThingAtATimeInOrder) {
  BackgroundThread background;
  std::vector<int> worked;
  std::vector<int> ended;
  for (int i = 0; i < 100; ++i)
    background.run([&worked, i] { worked.push_back(i); }, [&ended, i] { ended.push_back(i); });
  while (ended.size() < 100 && tells(background)) background.run_finished();
  ASSERT_EQ(ended.size(), 100u);
  EXPECT_EQ(worked, ended);
  EXPECT_TRUE(std::is_sorted(ended.begin(), ended.end()));
}

TEST(BackgroundThread, FreesWhatTheWorkHeldOffTheLoop) {
  BackgroundThread background;
  std::promise<std::thread::id> freed;
  std::shared_ptr<int> held(new int, [&freed](int* held_by_work) {
    delete held_by_work;
    freed.set_value(std::this_thread::get_id());
  });
  std::promise<void> handed_over;
  background.run([held, ready = handed_over.get_future().share()] { ready.wait(); }, [] {});
  held.reset();
  handed_over.set_value();
  EXPECT_NE(freed.get_future().get(), std::this_thread::get_id());
}

TEST(BackgroundThread, WaitsForWorkUnderWayWhenItEnds) {
  bool first = false;
  bool ended = false;
  {
    BackgroundThread background;
    std::promise<void> started;
    background.run(
        [&] {
          started.set_value();
          first = true;
        },
        [&] { ended = true; });
    started.get_future().wait();
  }
  EXPECT_TRUE(first);
  EXPECT_FALSE(ended) << "nobody asked for what has finished";
}

}  // namespace
}  // namespace trellis
