// BulkReceiver: the side of a link at which slices are put together again (protocol/cluster/bulk.hpp has the whole
// picture).
//
// Invariants: one item at a time is put together, so a partner makes its receiver keep at most kItemSizeMax bytes, and
// never more than it has sent; all receivers of a process keep at most BulkRoom::most.  An item that would go beyond is
// dropped, as is one that got no slice for kForgottenAfter.  An item comes out only if each of its bytes was received,
// in order, under its number.  A slice that does not continue the item (one before it was lost, it came twice, or what
// was before was dropped) is passed over; the sender learns from the answer to its next mark where to go on.  What is
// broken is an error, and nothing is kept of it.
// Pure: no socket, no clock.
#pragma once

#include <optional>
#include <string>

#include "protocol/cluster/bulk.hpp"
#include "protocol/types.hpp"

namespace trellis {

/// The memory that the receivers of a process share.
struct BulkRoom {
  std::size_t most = bulk::kHeldMax;
  std::size_t held = 0;
};

class BulkReceiver {
 public:
  /// An item whose partner does not go on with it has been given up there.
  static constexpr std::chrono::seconds kForgottenAfter{30};

  /// An item as it was before it was cut.
  struct Whole {
    std::uint8_t type = 0;
    std::string header;
    Frame body;
    /// Points into this.
    BundleItem item() const { return {type, header, body}; }
  };

  /// @param room  outlives this
  explicit BulkReceiver(BulkRoom& room) : room_(&room) {}
  ~BulkReceiver() { clear(); }
  BulkReceiver(const BulkReceiver&) = delete;
  BulkReceiver& operator=(const BulkReceiver&) = delete;

  /// One slice; with the last one the item.  Error: kInvalidArgument.
  Result<std::optional<Whole>> on_slice(const BundleItem& slice, TimePoint now);
  /// What to answer to a mark.
  bulk::Reached on_mark(const bulk::Mark& mark) const { return {mark, number_, bytes_.size()}; }
  /// The type and the header of the item that is being put together; type 0: none.
  std::uint8_t type() const { return whole_.type; }
  const std::string& header() const { return whole_.header; }
  /// How much of it is here.
  std::size_t received() const { return bytes_.size(); }
  /// Forgets an item that is not continued.
  void tick(TimePoint now) {
    if (number_ != 0 && now - continued_at_ > kForgottenAfter) clear();
  }
  /// The partner has begun another incarnation, or its connection has.
  void clear();

 private:
  void begin(const bulk::Slice& slice);

  BulkRoom* room_;
  TimePoint continued_at_;
  std::uint64_t number_ = 0;  ///< 0: none.
  std::uint64_t total_ = 0;
  Whole whole_;  ///< Its body comes last.
  std::string bytes_;
};

}  // namespace trellis
