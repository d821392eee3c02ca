#include "broker/timer_wheel.hpp"

#include <algorithm>

namespace trellis {
namespace {

void unlink(Timer& timer) {
  timer.previous->next = timer.next;
  timer.next->previous = timer.previous;
  timer.previous = nullptr;
  timer.next = nullptr;
}

}  // namespace

TimerWheel::TimerWheel(TimePoint now) : tick_(tick_of(now)) {
  for (Timer& head : heads_) head.previous = head.next = &head;
}

std::uint64_t TimerWheel::tick_of(TimePoint time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count()) / kSlotMicroseconds;
}

void TimerWheel::set(Timer& timer, TimePoint due, std::uint64_t owner) {
  clear(timer);
  timer.due = due;
  timer.owner = owner;
  Timer& head = heads_[std::max(tick_of(due), tick_) % kSlots];
  timer.previous = head.previous;
  timer.next = &head;
  head.previous->next = &timer;
  head.previous = &timer;
}

void TimerWheel::clear(Timer& timer) {
  if (timer.next != nullptr) unlink(timer);
}

void TimerWheel::take_due(TimePoint now, std::vector<std::uint64_t>& owners) {
  const std::uint64_t until = std::max(tick_of(now), tick_);
  const std::uint64_t slots = std::min(until - tick_ + 1, kSlots);
  for (std::uint64_t i = 0; i < slots; ++i) {
    Timer& head = heads_[(tick_ + i) % kSlots];
    for (Timer* timer = head.next; timer != &head;) {
      Timer* const next = timer->next;
      if (timer->due <= now) {
        unlink(*timer);
        owners.push_back(timer->owner);
      }
      timer = next;
    }
  }
  tick_ = until;  // Its own slot may still hold timers that are due within it, so it is looked at again.
}

TimePoint TimerWheel::next_due(TimePoint limit) const {
  const std::uint64_t until = std::max(tick_of(limit), tick_);
  const std::uint64_t slots = std::min(until - tick_ + 1, kSlots);
  for (std::uint64_t i = 0; i < slots; ++i) {
    const Timer& head = heads_[(tick_ + i) % kSlots];
    TimePoint soonest = limit;
    for (const Timer* timer = head.next; timer != &head; timer = timer->next) soonest = std::min(soonest, timer->due);
    if (soonest < limit) return soonest;
  }
  return limit;
}

}  // namespace trellis
