// The loader's table of keys, with an unordered_map as the model.
#include "cli/load/last_batches.hpp"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

namespace trellis {
namespace {

TEST(LastBatches, AgreesWithAMapUnderAnyHistory) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::mt19937_64 random(seed);
    LastBatches table;
    std::unordered_map<std::uint64_t, std::uint64_t> model;
    // Many keys want the same few places, also at the table's end, so that runs of them wrap around.
    const auto key = [&] {
      return (random() % 40) << 32 | (random() % 2 == 0 ? 1'020 + random() % 8 : random() % 2'048);
    };
    for (int step = 0; step < 20'000; ++step) {
      const std::uint64_t at = key();
      const std::uint64_t batch = 1 + random() % 3;
      const auto held = model.find(at);
      if (random() % 2 == 0) {
        ASSERT_EQ(table.set(at, batch), held == model.end() ? 0 : held->second) << "seed " << seed << ", step " << step;
        model[at] = batch;
      } else {
        table.forget(at, batch);
        if (held != model.end() && held->second == batch) model.erase(held);
      }
      ASSERT_EQ(table.size(), model.size()) << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace trellis
