// Log entries, each behind its length in one byte: what is read can be encoded and read again, and applying it leaves a
// state that can be read and frozen, whatever the documents hold.
#include <algorithm>

#include "protocol/check.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "worker/state/entry.hpp"
#include "worker/state/state_machine.hpp"

namespace trellis {
namespace {

void check_again(const Entry& entry) {
  std::string encoded(encoded_size(entry), '\0');
  encode(entry, encoded.data());
  const auto again = read_entry(encoded);
  CHECK(again && *again == entry);
}

void read_all(const StateMachine& state, std::string_view key) {
  for (const Command command :
       {Command::kGet, Command::kHas, Command::kQuery, Command::kKeys, Command::kScan, Command::kCount}) {
    Read read;
    read.command = command;
    read.key = key;
    read.path = {"a", std::uint64_t{0}};
    static_cast<void>(pack_reply_frame(1, state.read(read)));
  }
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  std::string_view rest = text_of(data, size);
  StateMachine state;
  for (LogIndex index{1}; !rest.empty(); ++index.value) {
    const std::size_t length = std::min<std::size_t>(static_cast<unsigned char>(rest.front()), rest.size() - 1);
    const std::string_view bytes = rest.substr(1, length);
    rest.remove_prefix(1 + length);
    CommandReader commands(bytes);
    while (const auto entry = commands.next()) {
      if (!*entry) break;
      check_again(**entry);
      static_cast<void>(pack_reply_frame(1, state.apply(index, commands.position(), **entry)));
      read_all(state, (*entry)->key);
      CHECK(state.applied() == index);
    }
  }
  static_cast<void>(state.freeze());
  return 0;
}
