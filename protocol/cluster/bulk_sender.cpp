#include "protocol/cluster/bulk_sender.hpp"

#include <algorithm>

namespace trellis {

void BulkSender::add(BundleWriter& out, Item item, TimePoint now) {
  if (item.key != 0 && replace(item)) return;
  const bool is_large = needs_slices(item);
  if (!is_large && !has_waiting() && has_room(item.size())) return send_whole(out, item, now);
  const Key key = item.key;
  bytes_waiting_ += item.size();
  const BulkQueue::Place place = (is_large ? large_ : whole_).add(std::move(item));
  if (key != 0) keys_[key] = {is_large, place};
  fill(out, now);
}

/// Puts an item in the place of the one of its key, unless that has to go first.
bool BulkSender::replace(Item& item) {
  const auto known = keys_.find(item.key);
  if (known == keys_.end()) return false;
  const auto [is_large, at] = known->second;
  if (is_large && at == large_.first() && number_ != 0) return true;  // On its way, and goes on.
  if (is_large != needs_slices(item)) {
    drop(item.key);
    return false;
  }
  bytes_waiting_ += item.size();
  bytes_waiting_ -= at->second.size();
  at->second = std::move(item);
  return true;
}

std::size_t BulkSender::slice_size() const { return std::min(portion(), large_.front().body.size() - offset_); }

bool BulkSender::slice_is_next() const { return !large_.empty() && (turn_left_ == 0 || whole_.empty()); }

bool BulkSender::can_send() const {
  return has_waiting() && has_room(slice_is_next() ? slice_size() : whole_.front().size());
}

/// A mark may have been lost, as in a cut that is over: what waits behind it need not wait until the link is stalled.
bool BulkSender::is_probe_due(TimePoint now) const {
  if (marks_.empty() || now - probed_at_ < kProbeEvery) return false;
  const auto quickest = window_.quickest();
  const Duration patience = quickest ? kProbedAfter + kProbedRoundTrips * *quickest : Duration(kStalledAfter);
  return now - progress_at_ > std::min<Duration>(patience, kStalledAfter);
}

void BulkSender::probe(BundleWriter& out, TimePoint now) {
  probed_at_ = now;
  // What was sent before may be lost: the newest mark stands for all.
  if (is_stalled(now)) marks_.clear();
  add_mark(out, std::nullopt);
}

bool BulkSender::has_more(TimePoint now) const {
  if (marks_.empty() && !has_waiting()) return false;
  return is_probe_due(now) || (!is_stalled(now) && can_send());
}

void BulkSender::fill(BundleWriter& out, TimePoint now) {
  if (is_probe_due(now)) probe(out, now);
  if (is_stalled(now)) return;
  for (const std::uint64_t until = sent_ + portion(); sent_ < until && can_send();) {
    if (slice_is_next()) {
      turn_left_ = portion();
      send_slice(out, now);
    } else {
      const Item item = whole_.take(whole_.first());
      forget(item);
      turn_left_ -= std::min(turn_left_, item.size());
      send_whole(out, item, now);
    }
  }
  if (has_waiting() && !can_send() && marked_ != sent_) add_mark(out, now);
}

void BulkSender::send_whole(BundleWriter& out, const Item& item, TimePoint now) {
  out.add(item.type, item.header, item.body);
  note_sent(out, item.size(), now);
}

void BulkSender::send_slice(BundleWriter& out, TimePoint now) {
  if (number_ == 0) {
    number_ = next_item_++;
    const BulkQueue::Place place = large_.hold_first();
    if (place->second.key != 0) keys_[place->second.key].at = place;
  }
  const Item& item = large_.front();
  const std::size_t size = slice_size();
  bulk::Slice slice{number_, offset_, item.body.size(), item.type, {}};
  if (offset_ == 0) slice.header = item.header;
  out.add(static_cast<std::uint8_t>(bulk::Type::kSlice), bulk::pack(slice), item.body.slice(offset_, size));
  offset_ += size;
  if (offset_ == item.body.size()) {
    offset_ = 0;
    number_ = 0;
    forget(large_.take(large_.first()));
  }
  note_sent(out, size, now);
}

void BulkSender::note_sent(BundleWriter& out, std::size_t size, TimePoint now) {
  if (marks_.empty()) progress_at_ = now;  // Silence counts from when there is something to report.
  sent_ += size;
  if (sent_ - marked_ >= portion() / kMarksInPortion) add_mark(out, now);
}

void BulkSender::add_mark(BundleWriter& out, std::optional<TimePoint> now) {
  marked_ = sent_;
  marks_.push_back({sent_, now, number_, offset_});
  out.add(static_cast<std::uint8_t>(bulk::Type::kMark), bulk::pack(bulk::Mark{stream_, sent_}));
}

void BulkSender::on_reached(const bulk::Reached& reached, TimePoint now) {
  const std::uint64_t position = reached.mark.position;
  if (reached.mark.stream != stream_ || position > marked_ || position < reached_) return;
  std::optional<SentMark> mark;
  while (!marks_.empty() && marks_.front().position <= position) {
    mark = marks_.front();
    marks_.pop_front();
  }
  progress_at_ = now;
  const auto bytes = static_cast<std::size_t>(position - reached_);
  const bool is_full = has_waiting() || bytes_under_way() * 2 > window_.size();
  reached_ = position;
  if (!mark) return;
  if (mark->sent) window_.on_reached(*mark->sent, bytes, is_full, now);
  compare(*mark, reached);
}

/// Goes back to where the receiver is, if something was lost of what is being sent.
void BulkSender::compare(const SentMark& mark, const bulk::Reached& reached) {
  const bool is_there = reached.item == mark.item && reached.received == mark.offset;
  if (mark.item == 0 || mark.item != number_ || is_there || mark.position < resumed_at_) return;
  const std::size_t size = large_.front().body.size();
  offset_ = reached.item == number_ && reached.received < size ? static_cast<std::size_t>(reached.received) : 0;
  resumed_at_ = sent_ + 1;
}

const BulkSender::Item* BulkSender::find(Key key) const {
  const auto known = keys_.find(key);
  return known == keys_.end() ? nullptr : &known->second.at->second;
}

void BulkSender::forget(const Item& item) {
  bytes_waiting_ -= item.size();
  if (item.key != 0) keys_.erase(item.key);
}

void BulkSender::drop(Key key) {
  const auto known = keys_.find(key);
  if (known == keys_.end()) return;
  const auto [is_large, at] = known->second;
  if (is_large && at == large_.first()) {
    offset_ = 0;
    number_ = 0;
  }
  forget((is_large ? large_ : whole_).take(at));
}

void BulkSender::clear() {
  whole_.clear();
  large_.clear();
  keys_.clear();
  bytes_waiting_ = 0;
  offset_ = 0;
  number_ = 0;
}

void BulkSender::restart() {
  reached_ = marked_ = sent_;
  marks_.clear();
  offset_ = 0;
  number_ = 0;
}

bool BulkSender::is_stalled(TimePoint now) const { return !marks_.empty() && now - progress_at_ > kStalledAfter; }

}  // namespace trellis
