// The gateway's side to the brokers: takes exchanges whose connections are suspended, asks the cluster, and gives them
// back with a response, or with the next page of a listing.
//
// One thread calls run_turn() and all that is said to be of it; ask() and on_completed() are for the HTTP thread.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "client/client.hpp"
#include "gateway/exchange.hpp"
#include "gateway/listing_turns.hpp"
#include "gateway/recent.hpp"

namespace trellis {

/// How the HTTP library stops working on an exchange's connection, and goes on with it.
struct ConnectionHooks {
  std::function<void(Exchange&)> suspend;
  std::function<void(Exchange&)> resume;
};

class ClusterSide {
 public:
  using OwnCounts = std::function<Histogram()>;

  /// @param own_counts  of the requests of this gateway, for the page
  /// @param user        whose key is shown to the brokers; nothing: none is
  ClusterSide(const std::vector<std::string>& brokers, const std::optional<UserKey>& user, ConnectionHooks hooks,
              OwnCounts own_counts);

  /// Suspends the exchange's connection and takes the exchange until it is resumed.  False: this takes no more.
  bool ask(Exchange& exchange);
  /// An exchange ends that has been here before.
  void on_completed(const Exchange& exchange);
  /// Exchanges that are waited for.
  std::size_t waiting() const { return suspended_; }
  Recent& recent() { return recent_; }

  /// Handles what is there, or comes within `wait`.
  void run_turn(std::chrono::milliseconds wait);
  /// Takes no more, and gives back what it has with the news that the gateway is being stopped.
  void close();

 private:
  void learn_cluster();
  void sample_recent(TimePoint now);
  void take_inbox();
  void begin(Exchange& exchange);
  void check(Exchange& exchange);
  void begin_console(Exchange& exchange);
  void begin_partitions(Exchange& exchange);
  void take_turns(TimePoint now);
  void ask_page(Exchange& exchange);
  void ask_version(Exchange& exchange);
  void call(Exchange& exchange, Command command, std::string_view arguments, Client::OnAnswer on_answer);
  void on_answer(Exchange& exchange, const Reply& reply);
  void on_page(Exchange& exchange, const Reply& reply);
  void resume(Exchange& exchange);

  const ConnectionHooks hooks_;
  const OwnCounts own_counts_;
  Client client_;
  Recent recent_;
  ListingTurns turns_;
  struct Retry {
    TimePoint at;
    Exchange* exchange;
  };
  std::vector<Retry> retries_;  ///< Pages of listings that are to be asked for again.
  enum class Learning : std::uint8_t { kUnknown, kAsked, kKnown };
  Learning cluster_ = Learning::kUnknown;
  bool is_silence_told_ = false;
  TimePoint learn_due_{};
  std::unordered_set<Exchange*> waiting_;  ///< Begun, and not yet resumed.

  std::atomic<std::size_t> suspended_ = 0;
  std::mutex inbox_mutex_;
  bool closed_ = false;             ///< The inbox takes no more.
  std::vector<Exchange*> inbox_;    ///< To be begun, or to be given their next page.
  std::size_t ended_listings_ = 0;  ///< Whose turns are to be given back.
};

}  // namespace trellis
