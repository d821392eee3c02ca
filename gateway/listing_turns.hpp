// Large listings take turns, so that many at once slow each other down and none is lost.
//
// Two bounds: how many listings are under way, since each holds a page; and how many pages the cluster is asked for at
// once, since so many large answers side by side would pass the deadline of every one of them.  A listing beyond the
// first bound waits for its begin; if that takes too long, it is told so before its first byte.  One that has begun
// waits for each page, and comes to its end.  First come, first served, in both lines.
// Pure: it is handed time; used by one thread.  Invariant: an exchange stands in at most one of the two lines.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "protocol/types.hpp"

namespace trellis {

struct Exchange;

constexpr std::size_t kListingsAtOnce = 32;
constexpr std::size_t kPagesAtOnce = 2;
constexpr std::chrono::seconds kListingWaitMax{10};

class ListingTurns {
 public:
  /// It wants its next page, or its first.  It gets its turn from take_ready().
  void on_want(Exchange& exchange, bool begun, TimePoint now);
  /// A page that take_ready() gave a turn for has come.
  void on_page() { --pages_; }
  /// A listing that was begun has ended, however.
  void on_end() { --listings_; }
  /// Those whose turn it is: the page may be asked for.
  std::vector<Exchange*> take_ready();
  /// Those that have waited to begin since before now - kListingWaitMax; they leave the line.
  std::vector<Exchange*> take_overdue(TimePoint now);
  std::size_t under_way() const { return listings_; }

 private:
  struct Waiting {
    Exchange* exchange;
    TimePoint since;
  };
  std::deque<Exchange*> pages_wanted_;
  std::deque<Waiting> to_begin_;
  std::size_t listings_ = 0;  ///< Begun, and not ended.
  std::size_t pages_ = 0;     ///< Asked for.
};

}  // namespace trellis
