#include "worker/state_machine.hpp"

#include <gtest/gtest.h>

#include "tests/unit/worker/requests.hpp"

namespace trellis {
namespace {

const std::string kAda = packed_text("Ada");
const std::string kBob = packed_text("Bob");

/// A state machine whose entries get their indexes one after another.
class Replica {
 public:
  CommandResult apply(const Entry& entry) { return state.apply(LogIndex{++last}, entry); }
  CommandResult put(std::string_view key, std::string_view document, Identity identity = {}) {
    return apply(entry_of(EntryKind::kPut, key, document, identity));
  }
  CommandResult get(std::string_view key) const { return state.read(read_of(Command::kGet, key)); }

  StateMachine state;
  std::uint64_t last = 0;
};

TEST(StateMachine, PutIsTrueForANewKeyAndFalseForAReplacedOne) {
  Replica replica;
  EXPECT_EQ(replica.put("k", kAda).kind, ResultKind::kTrue);
  const CommandResult again = replica.put("k", kBob);
  EXPECT_EQ(again.kind, ResultKind::kFalse);
  EXPECT_EQ(again.version, 2u);
  EXPECT_EQ(replica.get("k").packed.bytes(), kBob);
  EXPECT_EQ(replica.get("k").version, 2u);
}

}  // namespace
}  // namespace trellis
