// trellis-gateway: options and wiring, nothing else.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "gateway/hosts.hpp"
#include "gateway/server.hpp"
#include "program/exposure.hpp"
#include "program/hangup.hpp"
#include "program/log.hpp"
#include "program/resources.hpp"
#include "program/settings.hpp"
#include "program/signals.hpp"

namespace {

using namespace trellis;

constexpr const char* kName = "trellis-gateway";
/// Files besides connections: sockets to brokers, epoll, the log.
constexpr rlim_t kOtherFiles = 64;

constexpr int kExitWrongSetting = 2;
constexpr const char* kHttpRemedy = "give it a certificate (--tls-cert, --tls-key) and --tokens";

constexpr const char* kFooter = R"(
Examples:
  trellis-gateway -b 127.0.0.1:7400
  curl -X PUT http://127.0.0.1:7480/v1/keys/person1 -d '{"name": "John", "age": 22}'
  curl http://127.0.0.1:7480/v1/query/person1/age
/openapi.json describes all routes; / is a page to look at the cluster.)";

/// Every connection is a file: takes as many as the system lets us have, and says where that is too few.
Result<void> allow_files(unsigned connections) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = connections + kOtherFiles;
  if (limit.rlim_cur >= wanted) return {};
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return {};
  return Error{Code::kResourceExhausted, std::to_string(connections) + " connections need " + std::to_string(wanted) +
                                             " open files, and the limit is " + std::to_string(limit.rlim_max) +
                                             "; raise it (ulimit -n), or give a smaller --connections"};
}

int run(const GatewayOptions& options) {
  StopSignal stop;
  outlive_terminal();
  if (const auto allowed = allow_files(options.connections_max); !allowed) {
    return report_failure(kName, allowed.error().message);
  }
  auto server = GatewayServer::listen(options);
  if (!server) return report_failure(kName, server.error().message);
  log_info((options.tls_certificate.empty() ? "http://" : "https://") + options.listen.text() + "/");
  (*server)->run(stop);
  log_info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  GatewayOptions options;
  LogSettings log_settings;
  auto request_seconds = static_cast<std::uint32_t>(options.request_time.count());
  auto body_mib = static_cast<std::uint32_t>(options.bodies_max >> 20);
  std::string listen = options.listen.text();
  std::string user_file;
  bool is_insecure = false;
  std::vector<std::string> brokers{"127.0.0.1:7400"};
  CLI::App app("The HTTP gateway of a Trellis cluster, and a page to look at it", kName);
  app.add_option("--listen", listen, "Where HTTP is served")
      ->check(endpoint_problem)
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("-b,--broker", brokers, "A broker's endpoint, HOST:PORT; repeat it for several")
      ->check(endpoint_problem)
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("-u,--user", user_file,
                 "The file of the key of the user who asks for all that is asked over HTTP (default "
                 "~/.config/trellis/user, where it is); none: no key")
      ->type_name("FILE");
  app.add_option("--host", options.hosts,
                 "A name or address that requests may name as their host, besides localhost and the one of --listen; "
                 "repeat it for several")
      ->check(host_problem)
      ->allow_extra_args(false)
      ->type_name("NAME");
  app.add_option("--connections", options.connections_max, "HTTP connections at once, at most")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  app.footer(kFooter);
  app.add_option("--request-time", request_seconds, "Connections that take longer to send a request are closed")
      ->check(CLI::Range(1U, 3600U))
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("--body-memory", body_mib, "For the bodies of all requests together, at most")
      ->check(CLI::Range(1U, 1U << 20))
      ->type_name("MIB")
      ->capture_default_str();
  app.add_flag(
         "--tokens", options.asks_for_tokens,
         "Each request has to bring a user's token (`trellis user token`), and has that user's rights; the key of "
         "-u is one of a user with the role gateway")
      ->needs("--user");
  auto* const certificate =
      app.add_option("--tls-cert", options.tls_certificate,
                     "Serve HTTPS with this certificate, and those that lead from it to a known one: a PEM file, read "
                     "anew on SIGHUP")
          ->type_name("FILE");
  app.add_option("--tls-key", options.tls_key, "Its key, a PEM file that others cannot read")
      ->type_name("FILE")
      ->needs(certificate);
  certificate->needs("--tls-key");
  add_insecure_setting(app, is_insecure);
  add_slow_settings(app, options.slow);
  add_log_settings(app, log_settings);
  if (const auto code = parse_settings(app, argc, argv)) return *code;
  start_log("gateway", log_settings);
  end_where_memory_runs_out(kName);

  options.listen = *read_endpoint(listen);
  if (auto safe = check_exposure(
          {{"--listen", options.listen, !options.tls_certificate.empty() && options.asks_for_tokens, kHttpRemedy}},
          is_insecure);
      !safe) {
    report_failure(kName, safe.error().message);
    return kExitWrongSetting;
  }
  options.request_time = std::chrono::seconds(request_seconds);
  options.bodies_max = std::size_t{body_mib} << 20;
  auto user = find_user_key(user_file);
  if (!user) return report_failure(kName, user.error().message);
  options.user = std::move(*user);
  for (const std::string& broker : brokers) options.brokers.push_back(read_endpoint(broker)->zmq());
  return run(options);
}
