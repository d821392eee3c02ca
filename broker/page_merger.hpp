// KEYS and SCAN: one page over all partitions, merged in byte order (k-way, with a heap of the partitions' next keys).
//
// Each partition is asked for its share of the page, and again only when it runs dry, so what is held stays near one
// page: not partitions x limit.  Where records are so large that their first shares alone would be too much, a share is
// let go of, but for its first key, and asked for again when that key's turn comes.
// Invariant: the keys of a page ascend, and of pages that follow one another too.  So a share that is asked for again
// begins behind the last key on the page, not where it began at first: what was written there meanwhile comes too late.
#pragma once

#include <string>
#include <vector>

#include "broker/merger.hpp"
#include "broker/options.hpp"
#include "protocol/command.hpp"
#include "protocol/packed.hpp"

namespace trellis {

class PageMerger final : public Merger {
 public:
  /// @param command   kKeys or kScan
  /// @param held_max  what may be held before shares are let go of, in bytes
  PageMerger(Command command, const PageArguments& page, bool stale, std::uint32_t partitions,
             std::size_t held_max = BrokerLimits{}.page_held);

  Step start() override;
  Step on_leg(std::uint32_t number, LegResult result) override;

 private:
  /// One partition.  Its head is the smallest of its keys that is not on the page yet.
  struct Source {
    Frame share;                   ///< The reply that the rest is read from.
    PackedReader rest{""};         ///< Behind the head.
    std::uint32_t left = 0;        ///< Records in `rest`.
    std::string_view head_key;     ///< In `share`, or in `kept_key`.
    std::string_view head_record;  ///< In `share`; empty: let go of.
    std::string kept_key;
    std::optional<std::string> after;  ///< Behind which key its next share begins.
    bool more = false;                 ///< There is more behind the share.
    bool keep = false;                 ///< Asked for since its head is next on the page: not to be let go of.
  };

  Leg ask(std::uint32_t number);
  std::optional<Error> load(Source& source, Frame body);
  /// Moves the head on.  Error: the worker's reply is not as it should be.
  std::optional<Error> advance(Source& source);
  void let_go(Source& source);
  Step merge();
  std::optional<MergedAnswer> take(std::uint32_t number, Step& step);
  MergedAnswer finish(bool more);
  void push(std::uint32_t number);
  std::uint32_t pop();
  bool comes_later(std::uint32_t a, std::uint32_t b) const { return sources_[a].head_key > sources_[b].head_key; }

  Command command_;
  std::string prefix_;
  std::size_t limit_;
  bool stale_;
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
