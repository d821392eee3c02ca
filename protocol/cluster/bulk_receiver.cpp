#include "protocol/cluster/bulk_receiver.hpp"

#include <algorithm>
#include <utility>

namespace trellis {
namespace {

/// Room for so much is made ahead; beyond it grows with what arrives, since `total` is a stranger's word.
constexpr std::uint64_t kReservedMax = 16 << 20;

}  // namespace

Result<std::optional<BulkReceiver::Whole>> BulkReceiver::on_slice(const BundleItem& item, TimePoint now) {
  const auto slice = bulk::read_slice(item.header, item.body.size());
  if (!slice) return slice.error();
  if (slice->offset == 0 && slice->item != number_) begin(*slice);
  if (slice->item != number_ || slice->offset != bytes_.size()) return std::optional<Whole>();
  if (slice->total != total_ || slice->type != whole_.type) {
    clear();
    return invalid_argument("a slice that contradicts the ones before it");
  }
  if (item.body.size() > room_->most - room_->held) {
    clear();
    return std::optional<Whole>();
  }
  room_->held += item.body.size();
  continued_at_ = now;
  bytes_.append(item.body.bytes());
  if (bytes_.size() < total_) return std::optional<Whole>();
  room_->held -= bytes_.size();
  Whole whole = std::move(whole_);
  whole.body = Frame(std::exchange(bytes_, {}));
  clear();
  return std::optional<Whole>(std::move(whole));
}

void BulkReceiver::begin(const bulk::Slice& slice) {
  clear();
  number_ = slice.item;
  total_ = slice.total;
  whole_ = {slice.type, std::string(slice.header), {}};
  bytes_.reserve(static_cast<std::size_t>(std::min(total_, kReservedMax)));
}

void BulkReceiver::clear() {
  room_->held -= bytes_.size();
  number_ = 0;
  total_ = 0;
  whole_ = {};
  std::string().swap(bytes_);  // Assigning an empty one would keep the memory.
}

}  // namespace trellis
