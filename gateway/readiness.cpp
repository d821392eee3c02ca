#include "gateway/readiness.hpp"

#include "protocol/reports.hpp"

namespace trellis {

std::string cluster_of(const Reply& reply) {
  const auto status = read_status_report(reply.result);
  return reply.status == Code::kOk && status ? status->cluster.value_or("") : "";
}

HttpResponse readiness(const Reply& reply, bool verbose) {
  const bool answers = reply.status == Code::kOk;
  const StatusReport status = read_status_report(reply.result).value_or(StatusReport());
  HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  bool ready = true;
  const auto check = [&](bool good, const std::string& what) {
    ready = ready && good;
    if (verbose) response.body += (good ? "[+]" : "[-]") + what + "\n";
  };
  check(answers, answers ? "broker answers" : "broker: " + reply.info.message);
  check(status.is_formed(), status.is_formed() ? "cluster is formed" : "cluster is not formed, or not known");
  // One partition without a majority is no reason to take this gateway out: no other one could do better.
  check(status.partitions_available > 0, "partitions: " + std::to_string(status.partitions_available) + " of " +
                                             std::to_string(status.partitions) + " serve");
  response.status = ready ? 200 : 503;
  response.body += ready ? "ok\n" : "not ready\n";
  if (!ready) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace trellis
