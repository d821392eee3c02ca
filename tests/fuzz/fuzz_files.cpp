// The small files and texts of people: endpoints, server files, files of keys (of documents, and of a cluster).
#include "cli/load/generate.hpp"
#include "program/cluster_key.hpp"
#include "protocol/check.hpp"
#include "protocol/cluster/server_file.hpp"
#include "protocol/endpoint.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view text = text_of(data, size);
  if (const auto endpoint = read_endpoint(text)) {
    const auto again = read_endpoint(endpoint->zmq());
    CHECK(again && *again == *endpoint);
  }
  if (const auto port = read_port(text)) CHECK(*port >= 1);
  if (const auto servers = read_server_file(text, "file")) {
    CHECK(!servers->empty());
    for (const std::string& address : *servers) CHECK(read_endpoint(address));
  }
  if (auto keys = read_key_file(text, "file")) {
    CHECK(!keys->empty());
    GenerateOptions options;
    options.keys = std::move(*keys);
    options.records = 3;
    CHECK(generate(options, [](std::string_view) { return true; }));
  }
  if (const auto key = read_cluster_key(text, "file")) {
    const auto again = read_cluster_key(write_cluster_key(*key), "file");
    CHECK(again && again->public_key == key->public_key && again->secret_key == key->secret_key);
  }
  return 0;
}
