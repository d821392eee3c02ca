#include "program/metrics_server.hpp"

#include "program/http_daemon.hpp"
#include "program/process.hpp"

namespace trellis {
namespace {

constexpr std::size_t kConnectionMemory = 16 << 10;  // Bytes; a longer request is refused by the library.

using Text = std::shared_ptr<const std::string>;

/// The response holds the text for as long as somebody reads it.
MHD_Response* response_of(Text text) {
  auto* held = new Text(std::move(text));
  MHD_Response* response = MHD_create_response_from_callback(
      (*held)->size(), 32 << 10,
      [](void* self, std::uint64_t position, char* buffer, std::size_t size) -> ssize_t {
        return static_cast<ssize_t>((*static_cast<Text*>(self))->copy(buffer, size, position));
      },
      held, [](void* self) { delete static_cast<Text*>(self); });
  if (response == nullptr) delete held;
  return response;
}

MHD_Result send(MHD_Connection* connection, unsigned status, Text text) {
  MHD_Response* response = response_of(std::move(text));
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  MHD_add_response_header(response, "Connection", "close");
  const MHD_Result sent = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return sent;
}

}  // namespace

struct MetricsServer::Callbacks {
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                               const char*, std::size_t*, void**);
  static void on_connection(void* self, MHD_Connection* connection, void** kept, MHD_ConnectionNotificationCode code);
};

Result<std::unique_ptr<MetricsServer>> MetricsServer::listen(const Endpoint& endpoint) {
  std::unique_ptr<MetricsServer> server(new MetricsServer);
  const auto daemon =
      start_http_daemon(endpoint, &Callbacks::on_request, server.get(),
                        {http_option(MHD_OPTION_NOTIFY_CONNECTION, &Callbacks::on_connection, server.get()),
                         http_option(MHD_OPTION_CONNECTION_LIMIT, kConnectionsMax),
                         http_option(MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory),
                         http_option(MHD_OPTION_CONNECTION_TIMEOUT, static_cast<std::size_t>(kPatience.count()))});
  if (!daemon) return Error{daemon.error().code, "metrics: " + daemon.error().message};
  server->daemon_ = *daemon;
  return server;
}

MetricsServer::~MetricsServer() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

void MetricsServer::publish(TimePoint now, std::string text) {
  due_ = now + kPublishEvery;
  connections_.end_those_waited_for_since(now - kPatience);
  auto fresh = std::make_shared<const std::string>(std::move(text));
  const std::lock_guard lock(mutex_);
  text_.swap(fresh);
}

MHD_Result MetricsServer::Callbacks::on_request(void* self, MHD_Connection* connection, const char* url,
                                                const char* method, const char*, const char*, std::size_t*, void**) {
  auto& server = *static_cast<MetricsServer*>(self);
  if (std::string_view(method) != "GET" || std::string_view(url) != "/metrics") {
    return send(connection, MHD_HTTP_NOT_FOUND, std::make_shared<const std::string>("GET /metrics\n"));
  }
  Text text;
  {
    const std::lock_guard lock(server.mutex_);
    text = server.text_;
  }
  return send(connection, MHD_HTTP_OK, std::move(text));
}

void MetricsServer::Callbacks::on_connection(void* self, MHD_Connection* connection, void** kept,
                                             MHD_ConnectionNotificationCode code) {
  Connections& connections = static_cast<MetricsServer*>(self)->connections_;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) return connections.on_close(static_cast<Connections::Connection*>(*kept));
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  *kept = connections.on_open(info->connect_fd, monotonic_now());
}

}  // namespace trellis
