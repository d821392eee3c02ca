// The digest of a replica's state: equal for equal states, different for any that differ.
#include "sim/state_digest.hpp"

#include <gtest/gtest.h>

#include "protocol/packed.hpp"

namespace trellis::sim {
namespace {

const std::string kDocument = [] {
  std::string packed;
  PackedWriter(packed).map(0);
  return packed;
}();

Entry put(std::string_view key, std::string_view session, std::uint64_t seq) {
  Entry entry;
  entry.kind = EntryKind::kPut;
  entry.key = key;
  entry.content = kDocument;
  entry.session = session;
  entry.seq = seq;
  return entry;
}

std::uint64_t digest_after(const std::vector<Entry>& entries) {
  StateMachine state;
  std::uint64_t index = 0;
  for (const Entry& entry : entries) state.apply(LogIndex{++index}, 0, entry);
  return digest_of(state);
}

TEST(StateDigest, IsThatOfDocumentsAndSessions) {
  const std::uint64_t digest = digest_after({put("a", "s", 1)});
  EXPECT_EQ(digest, digest_after({put("a", "s", 1)}));
  EXPECT_NE(digest, digest_after({put("b", "s", 1)})) << "another key";
  EXPECT_NE(digest, digest_after({put("a", "t", 1)})) << "the same document, another session";
  EXPECT_NE(digest, digest_after({put("a", "s", 2)})) << "the same document, another seq";
}

}  // namespace
}  // namespace trellis::sim
