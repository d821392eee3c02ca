#include "sim/state_digest.hpp"

#include <xxhash.h>

#include <string_view>

namespace trellis::sim {
namespace {

class Digest {
 public:
  Digest& number(std::uint64_t value) {
    hash_ = XXH3_64bits_withSeed(&value, sizeof value, hash_);
    return *this;
  }
  Digest& bytes(std::string_view value) {
    hash_ = XXH3_64bits_withSeed(value.data(), value.size(), hash_);
    return *this;
  }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0;
};

void add(Digest& digest, const SessionBook& book) {
  const SessionWindow& writes = book.writes();
  for (std::uint64_t number = writes.first(); number < writes.first() + writes.size(); ++number) {
    const RememberedWrite write = writes.at(number);
    digest.bytes(write.name.session).number(write.name.seq).number(write.name.item).number(write.fingerprint);
    digest.number(static_cast<std::uint64_t>(write.answer.code)).number(static_cast<std::uint64_t>(write.answer.kind));
    digest.number(write.answer.version).bytes(write.answer.content.bytes());
    const sessions::Slot* const session = book.floors().find(write.name.session);
    if (session == nullptr) continue;
    digest.number(session->floor).number(session->forgotten.value_or(~std::uint64_t{0}));
  }
  digest.number(book.floors().size());
}

}  // namespace

std::uint64_t digest_of(const StateMachine& state) {
  Digest digest;
  TrieCursor cursor = state.documents().cursor();
  for (cursor.seek_first(); cursor.valid(); cursor.next()) {
    digest.bytes(cursor.key()).number(cursor.version()).bytes(cursor.document()).number(cursor.deadline());
  }
  digest.number(state.deadlines().size()).number(state.deadlines().earliest().value_or(0));
  digest.number(state.time().term).number(state.time().ms);
  add(digest, state.sessions().brokers());
  add(digest, state.sessions().clients());
  const SystemRecords& system = state.system();
  digest.number(system.followed.epoch).number(system.followed.version).number(system.level);
  if (system.map != nullptr) digest.bytes(pack(*system.map));
  return digest.value();
}

}  // namespace trellis::sim
