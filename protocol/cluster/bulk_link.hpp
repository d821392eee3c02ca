// BulkLink: both sides of what one process has to say to another in bulk, and the items that pass between them.
#pragma once

#include <optional>

#include "protocol/cluster/bulk_receiver.hpp"
#include "protocol/cluster/bulk_sender.hpp"

namespace trellis {

struct BulkLink {
  /// @param first  random, see BulkSender
  /// @param room  what the links of this process share; outlives them
  BulkLink(std::uint64_t first, BulkRoom& room) : out(first), in(room) {}

  BulkSender out;
  BulkReceiver in;

  /// The partner speaks in this incarnation of its own.  Returns whether it spoke in another one before.
  bool on_life(BootNonce nonce) {
    if (nonce == incarnation_) return false;
    const bool is_another = incarnation_.value != 0;
    incarnation_ = nonce;
    if (!is_another) return false;
    out.restart();
    in.clear();
    return true;
  }

  /// An item whose type is_bulk_type(); what there is to answer is added to `answer`.  Returns the item that is whole
  /// now.  Error: kInvalidArgument.
  Result<std::optional<BulkReceiver::Whole>> on_item(const BundleItem& item, BundleWriter& answer, TimePoint now) {
    switch (static_cast<bulk::Type>(item.type)) {
      case bulk::Type::kSlice: return in.on_slice(item, now);
      case bulk::Type::kMark: {
        const auto mark = bulk::read_mark(item.header);
        if (!mark) return mark.error();
        answer.add(static_cast<std::uint8_t>(bulk::Type::kReached), bulk::pack(in.on_mark(*mark)));
        break;
      }
      case bulk::Type::kReached: {
        const auto reached = bulk::read_reached(item.header);
        if (!reached) return reached.error();
        out.on_reached(*reached, now);
        break;
      }
    }
    return std::optional<BulkReceiver::Whole>();
  }

 private:
  BootNonce incarnation_{};
};

}  // namespace trellis
