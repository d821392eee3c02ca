#include "gateway/readiness.hpp"

#include <optional>

#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// STATUS, as far as it is of use here.
struct ClusterStatus {
  std::string cluster;  ///< Empty: it is being formed.
  std::uint64_t partitions = 0;
  std::uint64_t available = 0;
};

ClusterStatus read_status(std::string_view packed) {
  ClusterStatus status;
  PackedReader reader(packed);
  for (auto left = reader.read_map().value_or(0); left > 0; --left) {
    const auto name = reader.read_str();
    const auto value = reader.read_value();
    if (!name || !value) break;
    PackedReader field(*value);
    if (*name == "cluster") status.cluster = field.read_str().value_or("");
    if (*name == "partitions") status.partitions = field.read_uint().value_or(0);
    if (*name == "partitions_available") status.available = field.read_uint().value_or(0);
  }
  return status;
}

}  // namespace

std::string cluster_of(const Reply& status) {
  return status.status == Code::kOk ? read_status(status.result).cluster : "";
}

HttpResponse readiness(const Reply& reply, bool verbose) {
  const bool answers = reply.status == Code::kOk;
  const ClusterStatus status = answers ? read_status(reply.result) : ClusterStatus();
  HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  bool ready = true;
  const auto check = [&](bool good, const std::string& what) {
    ready = ready && good;
    if (verbose) response.body += (good ? "[+]" : "[-]") + what + "\n";
  };
  check(answers, answers ? "broker answers" : "broker: " + reply.info.message);
  check(!status.cluster.empty(), !status.cluster.empty() ? "cluster is formed" : "cluster is not formed, or not known");
  // One partition without a majority is no reason to take this gateway out: no other one could do better.
  check(status.available > 0,
        "partitions: " + std::to_string(status.available) + " of " + std::to_string(status.partitions) + " serve");
  response.status = ready ? 200 : 503;
  response.body += ready ? "ok\n" : "not ready\n";
  if (!ready) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace trellis
