// The gateway's side to HTTP: reads requests, answers what needs no cluster, hands the rest to the cluster's side, and
// sends the responses.
//
// All of it happens on the HTTP library's thread, but for what is said to be for others.
#pragma once

#include <microhttpd.h>

#include <atomic>
#include <chrono>
#include <string>

#include "gateway/cluster_side.hpp"
#include "gateway/counts.hpp"
#include "gateway/exchange.hpp"
#include "gateway/hosts.hpp"
#include "gateway/wrong_tokens.hpp"
#include "program/connections.hpp"
#include "program/slow_log.hpp"

namespace trellis {

struct HttpSettings {
  Endpoint listen;
  std::vector<std::string> hosts;  ///< Names that it answers to, besides its own.
  unsigned connections_max = 0;
  std::chrono::seconds request_time{};
  std::size_t bodies_max = 0;    ///< Bytes of the bodies of all requests together.
  bool asks_for_tokens = false;  ///< Each request has to bring a user's.
  bool is_encrypted = false;     ///< By TLS; Certificates are loaded.
};

class HttpSide {
 public:
  HttpSide(const HttpSettings& settings, SlowLog slow_log);
  ~HttpSide();
  HttpSide(const HttpSide&) = delete;
  HttpSide& operator=(const HttpSide&) = delete;

  // For the thread that runs the cluster's side.
  static ConnectionHooks hooks();
  /// Listens and serves.  @param cluster  outlives the serving
  Result<void> start(ClusterSide& cluster);
  void close_the_slow(TimePoint now);
  /// Takes no more connections.
  void close_listener();
  /// Requests that have come whole and are not answered to their end.
  std::size_t busy() const { return connections_.busy(); }
  void stop();
  /// Durations of the requests that are not the page's own.
  Histogram own_counts() const { return counts_.of_clients(); }

 private:
  // The library's callbacks.
  static void* on_target(void* self, const char* target, MHD_Connection* connection);
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* version, const char* upload, std::size_t* upload_size, void** exchange);
  static void on_completed(void* self, MHD_Connection* connection, void** exchange, MHD_RequestTerminationCode code);
  static void on_connection(void* self, MHD_Connection* connection, void** kept, MHD_ConnectionNotificationCode code);
  static ssize_t on_stream(void* exchange_and_self, std::uint64_t position, char* buffer, std::size_t size);

  MHD_Result read_headers(Exchange& exchange, const char* method, const char* version);
  std::optional<HttpResponse> read_route(Exchange& exchange, const char* method, std::optional<std::uint64_t> length);
  MHD_Result read_body(Exchange& exchange, std::string_view part);
  MHD_Result on_whole(Exchange& exchange);
  MHD_Result ask_cluster(Exchange& exchange);
  bool is_check(Exchange& exchange) const;
  bool answer_here(Exchange& exchange);
  std::optional<HttpResponse> read_token(Exchange& exchange);
  bool is_for_everybody(const Exchange& exchange) const;
  MHD_Result send(Exchange& exchange);
  MHD_Response* make_response(Exchange& exchange);
  HttpResponse metrics() const;
  void drop_body(Exchange& exchange);
  void count(const Exchange& exchange);

  struct Stream {
    HttpSide* server;
    Exchange* exchange;
  };

  const HttpSettings settings_;
  const Hosts hosts_;
  const std::string openapi_;
  MHD_Daemon* daemon_ = nullptr;
  ClusterSide* cluster_ = nullptr;
  Connections connections_;
  GatewayCounts counts_;
  SlowLog slow_log_;
  WrongTokens wrong_tokens_;
  std::size_t body_bytes_ = 0;
  std::atomic<std::size_t> closed_for_slowness_ = 0;
};

}  // namespace trellis
