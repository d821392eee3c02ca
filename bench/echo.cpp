// bench-echo: the least that a broker with workers can cost over ZeroMQ, as a limit to measure Trellis against.
//
//   clients --> ROUTER (frontend)  zmq_proxy  DEALER (backend) --> echo workers, a process each
//
// It speaks just enough of Trellis' protocol for `trellis bench get` to drive it: a worker reads a request's id and
// answers OK with a document, so messages have the sizes of a GET's.  No key is looked at, nothing is stored.
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <zmq.hpp>

#include "cli/bench/workload.hpp"
#include "program/settings.hpp"
#include "protocol/packed.hpp"
#include "protocol/reply.hpp"

namespace trellis {
namespace {

struct Settings {
  std::string frontend = "tcp://127.0.0.1:7400";
  std::string backend = "tcp://127.0.0.1:7401";
  int workers = 3;
  std::size_t value_size = 64;
};

/// One echo worker, until its parent ends.
[[noreturn]] void run_worker(const Settings& settings) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);

  zmq::context_t context(1);
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.connect(settings.backend);
  const std::string document = bench_document(settings.value_size, 0);
  Reply reply;
  reply.result = document;
  reply.info.version = 1'000'000;
  for (;;) {
    zmq::message_t client;
    zmq::message_t request;
    static_cast<void>(socket.recv(client));
    static_cast<void>(socket.recv(request));
    PackedReader reader(request.to_string_view());
    reader.read_array();
    reader.read_uint();
    reply.id = reader.read_uint().value_or(0);
    socket.send(client, zmq::send_flags::sndmore);
    socket.send(zmq::buffer(pack_reply(reply)), zmq::send_flags::none);
  }
}

/// The proxy, until a signal ends the process, and the workers with it: there is nothing to lose.
[[noreturn]] void run_proxy(const Settings& settings) {
  zmq::context_t context(1);
  zmq::socket_t frontend(context, zmq::socket_type::router);
  zmq::socket_t backend(context, zmq::socket_type::dealer);
  for (zmq::socket_t* socket : {&frontend, &backend}) {
    socket->set(zmq::sockopt::linger, 0);
    socket->set(zmq::sockopt::sndhwm, 0);
    socket->set(zmq::sockopt::rcvhwm, 0);
  }
  frontend.bind(settings.frontend);
  backend.bind(settings.backend);
  for (;;) zmq::proxy(frontend, backend);
}

int run(int argc, char** argv) {
  Settings settings;
  CLI::App app("A bare ROUTER/DEALER proxy with echo workers, for trellis bench get", "bench-echo");
  app.add_option("--frontend", settings.frontend, "Where clients connect")->capture_default_str();
  app.add_option("--backend", settings.backend, "Where the workers connect")->capture_default_str();
  app.add_option("--workers", settings.workers, "Echo workers")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--value-size", settings.value_size, "Bytes of the document in a reply")
      ->check(CLI::Range(kBenchDocumentMin, kDocumentSizeMax))
      ->capture_default_str();
  if (const auto code = parse_settings(app, argc, argv)) return *code;
  for (int i = 0; i < settings.workers; ++i) {
    if (fork() == 0) run_worker(settings);
  }
  try {
    run_proxy(settings);
  } catch (const zmq::error_t& error) {
    return report_failure("bench-echo", settings.frontend + ", " + settings.backend + ": " + error.what());
  }
}

}  // namespace
}  // namespace trellis

int main(int argc, char** argv) { return trellis::run(argc, argv); }
