// One HTTP request and its response.
//
// It is touched by one thread at a time: the HTTP library's while its connection runs, the one of the brokers' client
// while the connection is suspended.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateway/console.hpp"
#include "gateway/http.hpp"
#include "gateway/listing.hpp"
#include "gateway/partitions.hpp"
#include "gateway/plan.hpp"
#include "program/connections.hpp"

struct MHD_Connection;

namespace trellis {

struct Exchange {
  MHD_Connection* connection = nullptr;
  Connections::Connection* socket = nullptr;
  TimePoint begun;       ///< Its first line was there,
  TimePoint whole;       ///< and all of it.
  TimePoint asked;       ///< The brokers, last.
  Duration at_broker{};  ///< Until they had answered, each time.
  bool headers_read = false;
  bool body_unwanted = false;
  std::size_t body_size = 0;  ///< As it came, also of what was not kept.
  std::size_t counted = 0;    ///< Its share of the bytes that all bodies have together.
  std::string raw_target;
  HttpRequest request;
  const Route* route = nullptr;
  std::string address;       ///< The client's, where tokens are asked for,
  std::string token_hash;    ///< and the hash of its token.
  bool is_admitted = false;  ///< The cluster knows the token, and lets its user look at it.
  std::optional<Plan> plan;
  std::optional<HttpResponse> response;

  // A streamed listing.
  std::unique_ptr<Listing> listing;
  std::string block;         ///< What of the current page is not yet sent,
  std::size_t block_at = 0;  ///< from here on.
  bool broken = false;
  TimePoint page_wanted;  ///< Since when the current page is asked for.
  bool has_turn = false;  ///< It is one of the listings under way, as gateway/listing_turns.hpp counts them.

  std::unique_ptr<PartitionsGatherer> gatherer;
  std::unique_ptr<ConsoleRun> console;
  int precondition_attempts = 0;  ///< How often a write with preconditions was tried.
};

}  // namespace trellis
