#include "worker/state/listing.hpp"

#include <optional>
#include <string>
#include <utility>

#include "protocol/check.hpp"
#include "protocol/glob.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// One step of a pattern over a key takes this.
constexpr Effort kStepEffort = 5;

/// An array of up to kPageKeysMax values, whose number is known only at its end.
class PageWriter {
 public:
  PageWriter() : packed_(kHeadMax, '\0'), writer_(packed_) {}

  PackedWriter& next() {
    ++count_;
    return writer_;
  }
  std::size_t count() const { return count_; }
  Frame finish() && {
    // The head stands at the end of the room left for it: 0x9n, or 0xdc and 16 bits.
    if (count_ < 16) {
      packed_[kHeadMax - 1] = static_cast<char>(0x90 | count_);
      const Frame whole(std::move(packed_));
      return whole.slice(kHeadMax - 1, whole.size() - (kHeadMax - 1));
    }
    packed_[0] = static_cast<char>(0xdc);
    packed_[1] = static_cast<char>(count_ >> 8);
    packed_[2] = static_cast<char>(count_);
    return Frame(std::move(packed_));
  }

 private:
  static constexpr std::size_t kHeadMax = 3;
  static_assert(kPageKeysMax < 1 << 16);

  std::string packed_;
  PackedWriter writer_;
  std::size_t count_ = 0;
};

/// The pattern of a listing, and what may still be spent on it.
class Filter {
 public:
  explicit Filter(const KeyRange& range) {
    if (!range.match) return;
    auto glob = Glob::parse(*range.match);
    CHECK(glob);  // Options are checked where they are read.
    glob_ = std::move(*glob);
  }

  bool is_on() const { return glob_.has_value(); }
  bool is_spent() const { return looked_at_ == kLookedAtMax || effort_ > kListingEffortMax; }
  bool takes(std::string_view key) {
    if (!glob_) return true;
    ++looked_at_;
    std::uint64_t steps = 0;
    const bool takes = glob_->matches(key, steps);
    effort_ += kRecordEffort + steps * kStepEffort;
    return takes;
  }
  Effort effort() const { return effort_; }

  /// What all keys begin with, of those with this prefix that match.  Nothing: there are none.
  std::optional<std::string_view> narrowed(std::string_view prefix) const {
    if (!glob_ || prefix.starts_with(glob_->beginning())) return prefix;
    if (glob_->beginning().starts_with(prefix)) return glob_->beginning();
    return std::nullopt;
  }

 private:
  std::optional<Glob> glob_;
  std::size_t looked_at_ = 0;
  Effort effort_ = 0;
};

/// The records with a prefix that lie in a range, one after the other in the range's direction.
class Walk {
 public:
  Walk(const TrieView& documents, std::string_view prefix, const KeyRange& range,
       const std::optional<std::string_view>& after)
      : range_(range), cursor_(documents.cursor(prefix)) {
    range.reverse ? begin_at_the_end(after) : begin(after);
  }

  bool valid() const { return cursor_.valid() && range_.holds(cursor_.key()); }
  void next() { range_.reverse ? cursor_.previous() : cursor_.next(); }
  std::string_view key() const { return cursor_.key(); }
  std::string_view document() const { return cursor_.document(); }

 private:
  void begin(const std::optional<std::string_view>& after) {
    if (after && (!range_.at_least || *after >= *range_.at_least)) return cursor_.seek_after(*after);
    range_.at_least ? cursor_.seek(*range_.at_least) : cursor_.seek_first();
  }
  void begin_at_the_end(const std::optional<std::string_view>& after) {
    if (after && (!range_.below || *after < *range_.below)) return cursor_.seek_before(*after);
    range_.below ? cursor_.seek_before(*range_.below) : cursor_.seek_last();
  }

  const KeyRange& range_;
  TrieCursor cursor_;
};

}  // namespace

CommandResult list_records(const TrieView& documents, const Read& read) {
  const bool with_documents = read.command == Command::kScan;
  PageWriter page;
  Filter filter(read.range);
  const auto prefix = filter.narrowed(read.page.prefix);
  if (!prefix) return CommandResult::of_packed(std::move(page).finish());
  Walk walk(documents, *prefix, read.range, read.page.after);
  std::string_view looked_at;
  std::size_t size = 0;
  for (; walk.valid() && page.count() < read.page.limit && !filter.is_spent(); walk.next()) {
    if (filter.takes(walk.key())) {
      size += walk.key().size() + (with_documents ? walk.document().size() : 0);
      if (size > read.page_size_max && page.count() > 0) break;
      if (with_documents) {
        page.next().array(2).key(walk.key()).packed(walk.document());
      } else {
        page.next().key(walk.key());
      }
    }
    looked_at = walk.key();
  }
  const std::size_t records = page.count();
  CommandResult result = CommandResult::of_packed(std::move(page).finish());
  result.more = walk.valid();
  if (filter.is_on() && result.more) result.after = looked_at;
  result.effort = records * kRecordEffort + copy_effort(size) + filter.effort();
  return result;
}

CommandResult count_records(const TrieView& documents, const Read& read) {
  Filter filter(read.range);
  KeyRange range = read.range;
  range.reverse = false;  // A number is the same from both ends.
  const auto prefix = filter.narrowed(read.page.prefix);
  if (!prefix) return CommandResult::of_number(0);
  if (!filter.is_on()) {
    const std::size_t before = range.at_least ? documents.count_before(*range.at_least, *prefix) : 0;
    const std::size_t end = range.below ? documents.count_before(*range.below, *prefix) : documents.count(*prefix);
    return CommandResult::of_number(end > before ? end - before : 0);
  }
  Walk walk(documents, *prefix, range, std::nullopt);
  std::string_view looked_at;
  std::uint64_t count = 0;
  for (; walk.valid() && !filter.is_spent(); walk.next()) {
    count += filter.takes(walk.key()) ? 1 : 0;
    looked_at = walk.key();
  }
  CommandResult result = CommandResult::of_number(count);
  result.more = walk.valid();
  if (result.more) result.after = looked_at;
  result.effort = filter.effort();
  return result;
}

}  // namespace trellis
