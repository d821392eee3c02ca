#include "sim/checker/listing_check.hpp"

#include <algorithm>
#include <set>

#include "sim/checker/counter_check.hpp"
#include "sim/checker/presence.hpp"

namespace trellis::sim {
namespace {

using Presences = std::map<std::string, Presence, std::less<>>;

class ListingChecker {
 public:
  explicit ListingChecker(const History& history)
      : history_(history), presences_(presences_of(history)), counters_(counters_of(history)) {
    for (std::size_t at = 0; at < history.operations.size(); ++at) {
      const Operation& op = history.operations[at];
      if (op.command != Command::kPut && op.command != Command::kSet) continue;
      if (op.outcome() == Outcome::kNothingDone) continue;
      const auto first = written_.try_emplace({op.key, op.document}, op.call).first;
      first->second = std::min(first->second, op.call);
    }
  }

  std::vector<Violation> check() && {
    for (std::size_t at = 0; at < history_.operations.size(); ++at) {
      const Operation& op = history_.operations[at];
      if (!op.is_listing() || !op.ok()) continue;
      if (op.command != Command::kCount) check_form(at, op);
      if (!op.linearizable()) continue;
      if (op.command == Command::kCount) {
        check_count(at, op);
      } else {
        check_missed(at, op);
        check_shown(at, op);
      }
    }
    return std::move(violations_);
  }

 private:
  void add(std::size_t at, const Operation& op, std::string reason) {
    violations_.push_back({op.key, std::move(reason), {at}});
  }

  void check_form(std::size_t at, const Operation& op) {
    if (op.keys.size() > op.limit) add(at, op, "more keys than the limit");
    if (op.more && op.keys.empty()) add(at, op, "an empty page cannot be followed by another");
    for (std::size_t i = 0; i < op.keys.size(); ++i) {
      const std::string& key = op.keys[i];
      if (key.substr(0, op.key.size()) != op.key) add(at, op, quoted_bytes(key) + " does not have the prefix");
      if (op.after && key <= *op.after)
        add(at, op, quoted_bytes(key) + " does not come after " + quoted_bytes(*op.after));
      if (i > 0 && key == op.keys[i - 1]) add(at, op, quoted_bytes(key) + " is shown twice");
      if (i > 0 && key < op.keys[i - 1])
        add(at, op, quoted_bytes(key) + " is out of order after " + quoted_bytes(op.keys[i - 1]));
    }
  }

  /// Visits the keys with that prefix.
  template <typename Visit>
  void for_each_key(const std::string& prefix, Visit visit) const {
    for (auto at = presences_.lower_bound(prefix); at != presences_.end(); ++at) {
      if (at->first.substr(0, prefix.size()) != prefix) return;
      visit(at->first, at->second);
    }
  }

  void check_missed(std::size_t at, const Operation& op) {
    const std::set<std::string_view> shown(op.keys.begin(), op.keys.end());
    for_each_key(op.key, [&](const std::string& key, const Presence& presence) {
      if (!covers(op, key) || shown.contains(key)) return;
      if (!presence.was_there_throughout(op.call, *op.returned)) return;
      add(at, op, quoted_bytes(key) + " was there throughout and is missed; it was seen by " + last_sight(key, op));
    });
  }

  std::string last_sight(const std::string& key, const Operation& listing) const {
    const Operation* last = nullptr;
    for (const Operation& op : history_.operations) {
      const bool shows = op.key == key && op.ok() && !op.is_listing() && op.flag.value_or(true);
      const bool is_write_of_it =
          op.key == key && op.ok() && (op.command == Command::kPut || op.command == Command::kSet);
      if ((shows || is_write_of_it) && *op.returned < listing.call && (!last || last->call < op.call)) last = &op;
    }
    return last ? to_text(*last) : "an earlier operation";
  }

  void check_shown(std::size_t at, const Operation& op) {
    for (std::size_t i = 0; i < op.keys.size(); ++i) {
      if (counters_.contains(op.keys[i])) continue;
      const auto presence = presences_.find(op.keys[i]);
      if (presence == presences_.end()) {
        add(at, op, quoted_bytes(op.keys[i]) + " is shown and was never written");
      } else if (presence->second.was_absent_throughout(op.call, *op.returned)) {
        add(at, op, quoted_bytes(op.keys[i]) + " is shown and was not there at all");
      } else if (op.command == Command::kScan) {
        const auto written = written_.find({op.keys[i], op.documents[i]});
        if (written != written_.end() && written->second <= *op.returned) continue;
        add(at, op, quoted_bytes(op.keys[i]) + " is shown with a document that nobody had written to it");
      }
    }
  }

  void check_count(std::size_t at, const Operation& op) {
    std::uint64_t least = 0;
    std::uint64_t most = 0;
    for_each_key(op.key, [&](const std::string&, const Presence& presence) {
      least += presence.was_there_throughout(op.call, *op.returned);
      most += !presence.was_absent_throughout(op.call, *op.returned);
    });
    most += static_cast<std::uint64_t>(std::count_if(
        counters_.begin(), counters_.end(), [&op](const std::string& key) { return key.starts_with(op.key); }));
    if (op.count >= least && op.count <= most) return;
    add(at, op,
        "the count lies outside " + std::to_string(least) + " to " + std::to_string(most) +
            ", the keys that were there throughout and those that may have been there");
  }

  const History& history_;
  const Presences presences_;
  const std::set<std::string, std::less<>> counters_;  ///< What is known of them is left to check_counters.
  std::map<std::pair<std::string_view, std::string_view>, TimePoint> written_;  ///< (key, document) -> first call.
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> check_listings(const History& history) { return ListingChecker(history).check(); }

}  // namespace trellis::sim
