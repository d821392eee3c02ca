#include "sim/world.hpp"

#include <algorithm>
#include <cstdio>

namespace trellis::sim {

void World::at(TimePoint when, std::function<void()> what) {
  events_waiting_.push_back({std::max(when, now_), next_number_++, std::move(what)});
  std::push_heap(events_waiting_.begin(), events_waiting_.end());
}

void World::run_until(TimePoint end) {
  while (!violation_ && !events_waiting_.empty() && events_waiting_.front().when < end) {
    std::pop_heap(events_waiting_.begin(), events_waiting_.end());
    const Event event = std::move(events_waiting_.back());
    events_waiting_.pop_back();
    now_ = event.when;
    ++events_;
    event.what();
  }
  if (!violation_) now_ = std::max(now_, end);
}

void World::note(const char* what, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  for (const char* at = what; *at != '\0'; ++at) mix(static_cast<unsigned char>(*at));
  for (const std::uint64_t number : {a, b, c}) mix(number);
  keep({now_, what, {a, b, c}, {}});
}

void World::say(std::string line) {
  mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  for (const char c : line) mix(static_cast<unsigned char>(c));
  keep({now_, nullptr, {}, std::move(line)});
}

void World::keep(Line line) {
  if (prints_) std::puts(to_text(line).c_str());
  if (tail_.size() == kTailMax) tail_.pop_front();
  tail_.push_back(std::move(line));
}

std::string World::to_text(const Line& line) {
  char text[160];
  const auto micros = line.when.time_since_epoch().count();
  std::snprintf(text, sizeof text, "%6lld.%06lld  ", static_cast<long long>(micros / 1'000'000),
                static_cast<long long>(micros % 1'000'000));
  if (line.what == nullptr) return text + line.text;
  std::string out = std::string(text) + line.what;
  for (const std::uint64_t number : line.numbers) {
    std::snprintf(text, sizeof text, " %llx", static_cast<unsigned long long>(number));
    out += text;
  }
  return out;
}

std::string World::trace_tail(std::size_t lines) const {
  std::string out;
  for (std::size_t i = tail_.size() - std::min(lines, tail_.size()); i < tail_.size(); ++i) {
    out += to_text(tail_[i]) + '\n';
  }
  return out;
}

void World::violate(std::string what) {
  if (violation_) return;
  say("VIOLATION: " + what);
  violation_ = std::move(what);
}

}  // namespace trellis::sim
