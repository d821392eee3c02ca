// Outside bytes as an enemy makes them: every truncation of a message, and random changes of it.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

namespace trellis {

/// Calls `use` with every proper prefix of `bytes`.  Each lies in memory of its own, so that sanitizers see a read
/// beyond its end.
template <typename Use>
void for_each_truncation(std::string_view bytes, Use use) {
  for (std::size_t size = 0; size < bytes.size(); ++size) use(std::string(bytes.substr(0, size)));
}

/// Calls `use` with `count` copies of `bytes`, each with a few bytes changed, dropped or added.
template <typename Use>
void for_each_mutation(std::string_view bytes, std::size_t count, std::uint64_t seed, Use use) {
  std::mt19937_64 random(seed);
  const auto below = [&random](std::size_t end) { return static_cast<std::size_t>(random() % end); };
  for (std::size_t i = 0; i < count; ++i) {
    std::string mutated(bytes);
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
      const std::size_t at = below(mutated.size() + 1);
      switch (below(4)) {
        case 0: mutated.insert(at, 1, static_cast<char>(random())); break;
        case 1: mutated.erase(at, 1 + below(4)); break;
        default:
          if (at < mutated.size()) mutated[at] = static_cast<char>(random());
      }
    }
    use(mutated);
  }
}

}  // namespace trellis
