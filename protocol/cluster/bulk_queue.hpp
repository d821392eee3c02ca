// BulkQueue: items that wait for a link, in an order that is fair to the clients whose they are.
//
//   client a   [ 4 MiB ][ 4 MiB ][ 4 MiB ]       each item is due when its client's share of the link would have
//   carried client b       [ 1 KiB ]                     it: b's leaves after the one of a's that is on its way
//
// Self-clocked fair queueing (Golestani, "A Self-Clocked Fair Queueing Scheme for Broadband Applications", 1994): an
// item is due its size after the item of its client before it, or after what is sent now, whichever is later.  A
// client's own items stay in order, and so does everything where nobody says whose it is.
// Pure: no socket, no clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "protocol/frame.hpp"

namespace trellis {

struct BulkItem {
  /// Names an item while it waits, so that it waits once; 0: any number of them may.
  using Key = std::uint64_t;

  std::uint8_t type = 0;
  std::string header;
  Frame body;
  Key key = 0;
  std::uint32_t client = 0;  ///< Whose it is, where clients take turns.

  std::size_t size() const { return header.size() + body.size(); }
};

class BulkQueue {
  using Items = std::multimap<std::uint64_t, BulkItem>;

 public:
  using Place = Items::iterator;

  bool empty() const { return items_.empty(); }
  const BulkItem& front() const { return items_.begin()->second; }
  Place first() { return items_.begin(); }

  Place add(BulkItem item) {
    std::uint64_t& last_due = last_due_[item.client];
    last_due = std::max(last_due, clock_) + item.size();
    const std::uint64_t due = last_due;
    return items_.emplace(due, std::move(item));
  }

  /// The first item is on its way: it stays the first, whatever comes.  Its place changes.
  Place hold_first() {
    auto item = items_.extract(items_.begin());
    clock_ = std::max(clock_, item.key());
    item.key() = 0;
    return items_.insert(std::move(item));
  }

  /// The item was sent, or is not to be.
  BulkItem take(Place place) {
    BulkItem item = std::move(place->second);
    if (place == items_.begin()) clock_ = std::max(clock_, place->first);
    items_.erase(place);
    if (items_.empty()) clear();
    return item;
  }

  void clear() {
    items_.clear();
    last_due_.clear();
    clock_ = 0;
  }

 private:
  Items items_;                                                ///< By when they are due; 0: on its way.
  std::unordered_map<std::uint32_t, std::uint64_t> last_due_;  ///< By client, since the queue was empty.
  std::uint64_t clock_ = 0;                                    ///< When what is sent now was due.
};

}  // namespace trellis
