#include "broker/outbox.hpp"

#include <algorithm>

namespace trellis {

Outbox::Slot& Outbox::slot(const BackendAddress& address) {
  auto& slot = slots_[address];
  if (!slot) {
    slot = std::make_unique<Slot>();
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
  slots_.erase(found);
}

void Outbox::flush(std::vector<Tag>& unsent) {
  for (Slot* slot : waiting_) {
    slot->listed = false;
    if (!slot->bundle.empty() && !output_.to_worker(slot->address, slot->bundle.take())) {
      unsent.insert(unsent.end(), slot->tags.begin(), slot->tags.end());
    }
    slot->tags.clear();
    if (!slot->kept) slots_.erase(BackendAddress(slot->address));
  }
  waiting_.clear();
}

}  // namespace trellis
