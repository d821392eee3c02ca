#include "broker/outbox.hpp"

#include <algorithm>

namespace trellis {

Outbox::Slot& Outbox::slot(const BackendAddress& address) {
  auto& slot = slots_[address];
  if (!slot) {
    slot = std::make_unique<Slot>(next_link_ += kNumbersApart, room_);
    slot->address = address;
  }
  return *slot;
}

BundleWriter& Outbox::to(Slot& slot) {
  if (!slot.listed) {
    slot.listed = true;
    waiting_.push_back(&slot);
  }
  return slot.bundle;
}

void Outbox::forget(const BackendAddress& address) {
  const auto found = slots_.find(address);
  if (found == slots_.end()) return;
  std::erase(waiting_, found->second.get());
  std::erase(bulky_, found->second.get());
  slots_.erase(found);
}

void Outbox::add(Slot& slot, const WorkerRequest& request, TimePoint now) {
  BulkSender& bulk = slot.bulk.out;
  const std::size_t size = WorkerRequest::kHeaderSize + request.body.size();
  if (request.session.empty()) reads_waiting_ += size;
  if (bulk.may_pass(size)) {
    trellis::add(to(slot), request);
    bulk.note_sent(slot.bundle, size, now);
    slot.tags.push_back(request.tag);
  } else {
    bulk.add(to(slot),
             {static_cast<std::uint8_t>(MessageType::kRequest), pack_header(request), request.body, request.tag,
              request.client},
             now);
  }
  if (!slot.is_bulky && bulk.is_busy()) {
    slot.is_bulky = true;
    bulky_.push_back(&slot);
  }
}

void Outbox::flush(std::vector<Tag>& unsent, TimePoint now) {
  reads_waiting_ = 0;
  std::erase_if(bulky_, [&](Slot* slot) {
    while (slot->bulk.out.has_more(now)) {
      slot->bulk.out.fill(to(*slot), now);
      send(*slot, unsent);
    }
    slot->is_bulky = slot->bulk.out.is_busy();
    return !slot->is_bulky;
  });
  for (Slot* slot : waiting_) {
    slot->listed = false;
    send(*slot, unsent);
    if (!slot->kept) slots_.erase(BackendAddress(slot->address));
  }
  waiting_.clear();
}

void Outbox::send(Slot& slot, std::vector<Tag>& unsent) {
  if (!slot.bundle.empty() && !output_.to_worker(slot.address, slot.bundle.take())) {
    unsent.insert(unsent.end(), slot.tags.begin(), slot.tags.end());
  }
  slot.tags.clear();
}

void Outbox::tick(TimePoint now) {
  for (auto& [address, slot] : slots_) slot->bulk.in.tick(now);
}

}  // namespace trellis
