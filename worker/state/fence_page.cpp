#include "worker/state/fence_page.hpp"

#include <string>
#include <utility>

#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "worker/state/group_time.hpp"

namespace trellis {
namespace {

/// 0xdc and 16 bits: an array whose length is known only at its end.
constexpr std::size_t kHeadSize = 3;
static_assert(kPageKeysMax < 1 << 16);
/// What a record takes beside key and document: the heads of both, version and time.
constexpr std::size_t kRecordHeadMax = 32;

}  // namespace

CommandResult fence_page(const TrieView& documents, std::uint64_t time_ms, const Read& read) {
  std::string packed(kHeadSize, '\0');
  PackedWriter writer(packed);
  TrieCursor cursor = documents.cursor();
  read.page.after ? cursor.seek_after(*read.page.after) : cursor.seek_first();
  std::size_t count = 0;
  for (; cursor.valid() && count < kPageKeysMax; cursor.next(), ++count) {
    const std::size_t size = packed.size() + kRecordHeadMax + cursor.key().size() + cursor.document().size();
    if (count > 0 && size > read.page_size_max) break;
    writer.array(4).key(cursor.key()).packed(cursor.document()).natural(cursor.version());
    cursor.deadline() == 0 ? writer.nil() : writer.natural(left_until(cursor.deadline(), time_ms));
  }
  packed[0] = static_cast<char>(0xdc);
  packed[1] = static_cast<char>(count >> 8);
  packed[2] = static_cast<char>(count);
  const Effort effort = count * kRecordEffort + copy_effort(packed.size());
  CommandResult result = CommandResult::of_packed(Frame(std::move(packed)));
  result.more = cursor.valid();
  result.effort = effort;
  return result;
}

}  // namespace trellis
