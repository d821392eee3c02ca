#include "gateway/listing_turns.hpp"

namespace trellis {

void ListingTurns::on_want(Exchange& exchange, bool begun, TimePoint now) {
  if (begun) {
    pages_wanted_.push_back(&exchange);
  } else {
    to_begin_.push_back({&exchange, now});
  }
}

std::vector<Exchange*> ListingTurns::take_ready() {
  std::vector<Exchange*> ready;
  for (; pages_ < kPagesAtOnce && !pages_wanted_.empty(); ++pages_) {
    ready.push_back(pages_wanted_.front());
    pages_wanted_.pop_front();
  }
  for (; pages_ < kPagesAtOnce && listings_ < kListingsAtOnce && !to_begin_.empty(); ++pages_, ++listings_) {
    ready.push_back(to_begin_.front().exchange);
    to_begin_.pop_front();
  }
  return ready;
}

std::vector<Exchange*> ListingTurns::take_overdue(TimePoint now) {
  std::vector<Exchange*> overdue;
  while (!to_begin_.empty() && to_begin_.front().since <= now - kListingWaitMax) {
    overdue.push_back(to_begin_.front().exchange);
    to_begin_.pop_front();
  }
  return overdue;
}

}  // namespace trellis
