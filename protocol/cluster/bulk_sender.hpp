// BulkSender: the side of a link from which bulk is sent (protocol/cluster/bulk.hpp has the whole picture).
//
// Items that travel whole wait in one queue, larger ones in another, which is emptied slice by slice; the two take
// turns of a slice's size, so that a small document waits for one slice of a large one and not for all of it.  Slices
// are as large as the link is quick: an eighth of the window, which is what a link carries in some 10 ms.  In each
// queue the clients whose items they are share the link (protocol/cluster/bulk_queue.hpp).
//
// Invariants: at most window() bytes, or one item or slice, are on their way unreported.  The bytes that an item number
// stands for never change.  Nothing is copied before it is sent.
//
// What waits never waits for nothing: whenever the window has no room, all that was sent has been marked.
//
// A link may lose what it is given.  Where no mark has been reached for some of the link's round trips, the partner is
// asked again and again with another one; where none is for kStalledAfter, nothing else is sent until one is, and
// whoever owns the link may clear() what waits.  A link delivers in order, so the receiver has as much of the current
// item at a mark as had been sent before it, or some of that was lost: then sending goes on from what is there.
// Pure: no socket, no clock.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "protocol/cluster/bulk_queue.hpp"
#include "protocol/cluster/bulk_window.hpp"

namespace trellis {

class BulkSender {
 public:
  /// A message arrives when its last byte has, so what the window has room for leaves in several: what is reported of
  /// the first makes room while the others are still on their way.
  static constexpr std::size_t kPortionsInWindow = 8;
  static constexpr std::size_t kMarksInPortion = 2;
  static constexpr std::chrono::milliseconds kStalledAfter{2'000};
  static constexpr std::chrono::milliseconds kProbeEvery{100};
  /// Without a sign for so long, and kProbedRoundTrips of the link's quickest round trips, the partner is asked for
  /// one.
  static constexpr std::chrono::milliseconds kProbedAfter{250};
  static constexpr int kProbedRoundTrips = 4;

  using Item = BulkItem;
  using Key = BulkItem::Key;

  /// @param first  random: where the numbers of this process's items begin
  explicit BulkSender(std::uint64_t first) : stream_(first), next_item_((first >> 1) + 1) {}

  /// Whether an item of so many bytes, header and all, may leave at once and whole.  Who adds it to the bundle says so
  /// with note_sent(); it needs no Item.
  bool may_pass(std::size_t size) const { return size <= whole_max() && !has_waiting() && has_room(size); }
  void note_sent(BundleWriter& out, std::size_t size, TimePoint now);

  /// Adds an item to the bundle, where the window has room for it, or to what waits.  One of the same key that waits is
  /// replaced; where a part of that is on its way already, it is sent to its end instead of this one.
  void add(BundleWriter& out, Item item, TimePoint now);
  /// Whether fill() would add something.
  bool has_more(TimePoint now) const;
  /// Adds what waits, as much as the window has room for and one message should hold, and what asks a silent partner
  /// for a sign.
  void fill(BundleWriter& out, TimePoint now);
  void on_reached(const bulk::Reached& reached, TimePoint now);

  /// The item of this key, while it has not been given to the link to its end.
  const Item* find(Key key) const;
  bool has(Key key) const { return keys_.count(key) > 0; }
  void drop(Key key);
  void clear();
  /// The partner has begun another incarnation: what was under way is lost, and what it was a part of begins anew.
  void restart();

  /// Nothing of what was sent has been reported for long.
  bool is_stalled(TimePoint now) const;
  bool has_waiting() const { return !whole_.empty() || !large_.empty(); }
  /// Something waits, or its arrival has not been reported.
  bool is_busy() const { return has_waiting() || !marks_.empty(); }
  std::size_t bytes_waiting() const { return bytes_waiting_; }
  std::size_t bytes_under_way() const { return static_cast<std::size_t>(sent_ - reached_); }
  std::size_t window() const { return window_.size(); }
  /// The size of a slice, and of a message that is made of what waited.
  std::size_t portion() const { return std::max(window_.size() / kPortionsInWindow, bulk::kSliceSize); }

 private:
  struct SentMark {
    std::uint64_t position;
    std::optional<TimePoint> sent;  ///< Nothing: one that asks for a sign, whose way measures nothing.
    std::uint64_t item;             ///< What the receiver should be putting together then; 0: nothing.
    std::size_t offset;             ///< How much of it should be there.
  };

  struct Place {
    bool is_large;
    BulkQueue::Place at;
  };

  std::size_t whole_max() const { return std::max(portion(), bulk::kWholeMax); }
  bool needs_slices(const Item& item) const { return item.body.size() > whole_max(); }
  bool has_room(std::size_t size) const { return sent_ == reached_ || bytes_under_way() + size <= window_.size(); }
  std::size_t slice_size() const;
  bool slice_is_next() const;
  bool can_send() const;
  bool replace(Item& item);
  void send_whole(BundleWriter& out, const Item& item, TimePoint now);
  void send_slice(BundleWriter& out, TimePoint now);
  void add_mark(BundleWriter& out, std::optional<TimePoint> now);
  void forget(const Item& item);
  bool is_probe_due(TimePoint now) const;
  void probe(BundleWriter& out, TimePoint now);
  void compare(const SentMark& mark, const bulk::Reached& reached);

  BulkQueue whole_;
  BulkQueue large_;
  std::size_t offset_ = 0;  ///< Where the next slice of large_.front() begins; beyond 0 it is on its way.
  std::uint64_t number_ = 0;
  std::size_t turn_left_ = bulk::kSliceSize;  ///< Bytes of whole items before the next slice.
  std::unordered_map<Key, Place> keys_;       ///< Where those stand that wait.
  std::size_t bytes_waiting_ = 0;

  std::uint64_t stream_;
  std::uint64_t next_item_;
  std::uint64_t sent_ = 0;        ///< Bytes of this stream,
  std::uint64_t marked_ = 0;      ///< as of the last mark,
  std::uint64_t reached_ = 0;     ///< as last reported.
  std::uint64_t resumed_at_ = 0;  ///< Marks up to here speak of a loss that has been made up for.
  std::deque<SentMark> marks_;
  TimePoint progress_at_;
  TimePoint probed_at_;
  BulkWindow window_;
};

}  // namespace trellis
