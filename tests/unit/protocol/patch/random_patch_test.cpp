// A model made for its simplicity tells whether Patcher is right, under random documents and operations.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "protocol/document.hpp"
#include "protocol/limits.hpp"
#include "protocol/patch/in_place.hpp"
#include "protocol/patch/patcher.hpp"
#include "tests/unit/protocol/patch/patch_model.hpp"

namespace trellis {
namespace {

using testing::PatchModel;
using testing::Tree;

/// Small names and small lists, so that operations meet what others did.
class RandomPatches {
 public:
  explicit RandomPatches(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t count) { return random_() % count; }

  void value(PackedWriter& out, int levels) {
    switch (below(levels > 0 ? 12 : 7)) {
      case 0: out.nil(); return;
      case 1: out.boolean(below(2) == 0); return;
      case 2: out.natural(below(5)); return;
      case 3: out.integer(-static_cast<std::int64_t>(below(5))); return;
      case 4: out.float64(static_cast<double>(below(6)) / 2); return;
      case 5: out.str(below(2) == 0 ? "x" : std::string(40, 'y')); return;
      case 6: below(2) == 0 ? out.natural(UINT64_MAX - below(3)) : out.integer(INT64_MIN); return;
      case 7:
      case 8: {
        const std::size_t count = below(5) == 0 ? 20 : below(4);
        out.array(count);
        for (std::size_t i = 0; i < count; ++i) value(out, levels - 1);
        return;
      }
      default: {
        const std::size_t first = below(kNames.size());
        const std::size_t count = below(kNames.size());
        out.map(count);
        for (std::size_t i = 0; i < count; ++i) value(out.str(kNames[(first + i) % kNames.size()]), levels - 1);
      }
    }
  }
  std::string value(int levels) {
    std::string packed;
    PackedWriter writer(packed);
    value(writer, levels);
    return packed;
  }

  void path(PackedWriter& out, Dialect dialect, bool ends_in_position = false) {
    const std::size_t steps = ends_in_position ? 1 + below(3) : below(4);
    out.array(steps);
    for (std::size_t i = 0; i < steps; ++i) {
      const bool is_position = below(3) == 0 || (ends_in_position && i + 1 == steps);
      if (!is_position) {
        out.str(dialect == Dialect::kPointer && below(6) == 0 ? "-" : kNames[below(kNames.size())]);
      } else if (dialect == Dialect::kPointer) {
        out.str(std::to_string(below(5)));
      } else {
        out.natural(below(5));
      }
    }
  }

  void operation(PackedWriter& out, Dialect dialect) {
    static constexpr std::string_view kOwn[] = {"set", "replace", "increment", "append", "insert", "remove",
                                                "pop", "copy",    "move",      "merge",  "test"};
    static constexpr std::string_view kPointer[] = {"add", "remove", "replace", "move", "copy", "test"};
    const std::string_view name = dialect == Dialect::kOwn ? kOwn[below(std::size(kOwn))] : kPointer[below(6)];
    const bool takes = name == "remove" || name == "pop";
    out.array(takes ? 2 : 3).str(name);
    std::string place;
    do {
      place.clear();
      PackedWriter writer(place);
      path(writer, dialect, name == "insert");
    } while (takes && place == "\x90");
    out.packed(place);
    if (takes) return;
    if (name == "copy" || name == "move") return path(out, dialect);
    if (name == "increment") {
      below(4) == 0 ? out.float64(0.5) : below(2) == 0 ? out.natural(below(3)) : out.integer(-2);
      return;
    }
    value(out, 2);
  }

  void operation_on_values(PackedWriter& out) {
    static constexpr std::string_view kPuts[] = {"set", "replace", "increment"};
    const std::string_view name = kPuts[below(3)];
    out.array(3).str(name);
    path(out, Dialect::kOwn);
    if (name == "increment") {
      out.natural(below(3));
    } else {
      value(out, below(8) == 0 ? 1 : 0);
    }
  }

 private:
  static constexpr std::array<std::string_view, 6> kNames = {"a", "b", "c", "long name", "0", "1"};
  std::mt19937_64 random_;
};

std::string packed_document(Patcher& patcher) {
  std::string document;
  for (const std::string_view part : patcher.document()) document.append(part);
  return document;
}

void run_one(std::uint64_t seed) {
  RandomPatches random(seed);
  const Dialect dialect = random.below(3) == 0 ? Dialect::kPointer : Dialect::kOwn;
  const bool strict = dialect == Dialect::kOwn && random.below(4) == 0;
  const bool is_there = random.below(6) != 0;
  const std::string document = random.value(4);
  std::string packed;
  PackedWriter writer(packed);
  const std::size_t count = 1 + random.below(6);
  writer.array(count);
  for (std::size_t i = 0; i < count; ++i) random.operation(writer, dialect);
  const auto operations = read_operations(packed, dialect);
  ASSERT_TRUE(operations) << operations.error().message << ", seed " << seed;

  const auto before = is_there ? std::optional<std::string_view>(document) : std::nullopt;
  PatchModel model(before, dialect, strict);
  std::string expected;
  PackedWriter(expected).array(count);
  std::optional<std::size_t> fails_at;
  for (std::size_t i = 0; i < count && !fails_at; ++i) {
    const auto result = model.run((*operations)[i]);
    result ? static_cast<void>(expected += *result) : static_cast<void>(fails_at = i);
  }
  Patcher patcher({"k", before, *operations, dialect, strict});
  const auto done = patcher.run();
  ASSERT_EQ(!done, fails_at.has_value()) << "seed " << seed << (done ? "" : ": " + done.error().message);
  if (fails_at) {
    ASSERT_EQ(done.error().message.find("operation " + std::to_string(*fails_at + 1) + " ("), 0u)
        << "seed " << seed << ": " << done.error().message;
    return;
  }
  ASSERT_EQ(patcher.results(), expected) << "seed " << seed;
  ASSERT_EQ(patcher.has_document(), model.document().has_value()) << "seed " << seed;
  if (!patcher.has_document()) return;
  const std::string after = packed_document(patcher);
  ASSERT_EQ(after.size(), patcher.document_size()) << "seed " << seed;
  ASSERT_EQ(after, *model.document()) << "seed " << seed;
  if (!patcher.is_changed()) {
    ASSERT_EQ(after, document) << "seed " << seed;
  }
}

/// Where single values take the place of others: patched in place or not at all, as by the patcher.
void run_in_place(std::uint64_t seed, std::size_t& in_place) {
  RandomPatches random(seed);
  const std::string document = random.value(3);
  std::string packed;
  PackedWriter writer(packed);
  const std::size_t count = 1 + random.below(4);
  writer.array(count);
  for (std::size_t i = 0; i < count; ++i) random.operation_on_values(writer);
  const auto operations = read_operations(packed, Dialect::kOwn);
  ASSERT_TRUE(operations) << operations.error().message << ", seed " << seed;
  if (!puts_single_values(*operations)) return;
  const auto patch = patch_in_place(document, *operations, [&](const Path& path) { return walk(document, path); });
  if (!patch) return;
  ++in_place;
  Patcher patcher({"k", document, *operations, Dialect::kOwn, random.below(2) == 0});
  ASSERT_TRUE(patcher.run()) << "seed " << seed;
  std::string after;
  for (const std::string_view part : patch->document) after.append(part);
  ASSERT_EQ(after, packed_document(patcher)) << "seed " << seed;
  ASSERT_EQ(patch->results, patcher.results()) << "seed " << seed;
  ASSERT_TRUE(patcher.is_changed()) << "seed " << seed;
}

std::uint64_t first_seed() {
  const char* const given = std::getenv("TRELLIS_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "TRELLIS_SEED=" << first << std::endl;
  return first;
}

TEST(Patch, AgreesWithATreeOfValuesUnderAnyOperations) {
  const std::uint64_t first = first_seed();
  for (std::uint64_t seed = first; seed < first + 40'000 && !HasFatalFailure(); ++seed) run_one(seed);
}

TEST(Patch, InPlaceIsThePatchersOwnOrNone) {
  const std::uint64_t first = first_seed();
  std::size_t in_place = 0;
  for (std::uint64_t seed = first; seed < first + 80'000 && !HasFatalFailure(); ++seed) run_in_place(seed, in_place);
  EXPECT_GT(in_place, 800u);
}

}  // namespace
}  // namespace trellis
