// KEYS and SCAN: one page over all partitions, merged in byte order (k-way, with a heap of the partitions' next keys).
//
// Each partition is asked for its share of the page, and again only when it runs dry, so what is held stays near one
// page: not partitions x limit.  Where records are so large that their first shares alone would be too much, a share is
// let go of, but for its first key, and asked for again when that key's turn comes.
// With a pattern a share may end, perhaps empty, where its partition has looked at enough keys, and says where that
// was. The page goes no further than the first of these ends, and says so: who asks for the next one goes on behind it.
//
// Invariant: the keys of a page ascend (or descend, with `reverse`), and of pages that follow one another too.  So a
// share that is asked for again begins behind the last key on the page, not where it began at first: what was written
// there meanwhile comes too late.
#pragma once

#include <string>
#include <vector>

#include "broker/merge/merger.hpp"
#include "broker/options.hpp"
#include "protocol/command.hpp"
#include "protocol/packed.hpp"

namespace trellis {

class PageMerger final : public Merger {
 public:
  /// @param command   kKeys or kScan
  /// @param options   the request's
  /// @param held_max  what may be held before shares are let go of, in bytes
  PageMerger(Command command, const PageArguments& page, const Options& options, std::uint32_t partitions,
             std::size_t held_max = BrokerLimits{}.page_held);

  PageMerger(const PageMerger&) = delete;
  PageMerger& operator=(const PageMerger&) = delete;

  Step start() override;
  Step on_subrequest(std::uint32_t number, LegResult result) override;

 private:
  /// One partition.  Its head is the first of its keys that is not on the page yet, or where a share has ended for
  /// which enough keys were looked at.
  struct Source {
    Frame share;                   ///< The reply that the rest is read from.
    PackedReader rest{""};         ///< Behind the head.
    std::uint32_t left = 0;        ///< Records in `rest`.
    std::string_view head_key;     ///< In `share`, or in `kept_key`.
    std::string_view head_record;  ///< In `share`; empty: let go of.
    std::string kept_key;
    std::optional<std::string> after;  ///< Behind which key its next share begins.
    bool more = false;                 ///< There is more behind the share.
    std::optional<std::string> end;    ///< Where a share with a pattern goes on: the key that it has looked at last.
    bool is_at_end = false;            ///< The head is its end.
    bool keep = false;                 ///< Asked for since its head is next on the page: not to be let go of.
  };

  Subrequest ask(std::uint32_t number);
  std::optional<Error> load(Source& source, Frame body);
  /// Moves the head on.  Error: the worker's reply is not as it should be.
  std::optional<Error> advance(Source& source);
  std::optional<Error> end_share(Source& source, std::string_view last);
  void let_go(Source& source);
  Step merge();
  std::optional<MergedAnswer> take(std::uint32_t number, Step& step);
  MergedAnswer finish(bool more);
  void push(std::uint32_t number);
  std::uint32_t pop();
  bool comes_later(std::uint32_t a, std::uint32_t b) const {
    return range_.is_before(sources_[b].head_key, sources_[a].head_key);
  }

  Command command_;
  std::string prefix_;
  std::size_t limit_;
  bool stale_;
  OwnedKeyRange range_text_;
  KeyRange range_;  ///< Points into it.
  std::size_t held_max_;
  std::size_t share_;  ///< Records that a partition is asked for.
  std::uint32_t share_bytes_;
  std::vector<Source> sources_;
  std::vector<std::uint32_t> heap_;  ///< Sources with a head, the smallest key on top.
  std::uint32_t awaited_ = 0;
  std::size_t held_ = 0;  ///< Bytes of all shares.
  std::size_t count_ = 0;
  std::string records_;                  ///< The page so far,
  std::optional<std::string> last_key_;  ///< and its last key; at first that behind which the page begins.
  ReplyInfo info_;
};

}  // namespace trellis
