#include "gateway/partitions.hpp"

#include <utility>

#include "gateway/answer.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "protocol/packed.hpp"
#include "protocol/reports.hpp"

namespace trellis {
namespace {

/// STATUS tells the partitions also before there is a cluster; LOCATE would wait for one.
std::uint32_t count_partitions(std::string_view status) {
  const auto report = read_status_report(status);
  if (!report || !report->is_formed() || report->partitions > kPartitionsMax) return 0;
  return static_cast<std::uint32_t>(report->partitions);
}

}  // namespace

std::vector<std::string> key_of_each_partition(std::uint32_t count) {
  std::vector<std::string> keys(count);
  std::uint32_t found = 0;
  for (std::uint64_t number = 0; found < count; ++number) {
    std::string key = std::to_string(number);
    std::string& place = keys[partition_of(key, count).value];
    if (!place.empty()) continue;
    place = std::move(key);
    ++found;
  }
  return keys;
}

std::vector<std::string> PartitionsGatherer::on_status(const Reply& reply) {
  if (reply.status != Code::kOk) {
    response_ = answer(plan_, reply);
    return {};
  }
  std::vector<std::string> calls;
  for (const std::string& key : key_of_each_partition(count_partitions(reply.result))) {
    PackedWriter(calls.emplace_back()).array(1).str(key);
  }
  results_.resize(calls.size());
  awaited_ = calls.size();
  if (calls.empty()) finish();
  return calls;
}

void PartitionsGatherer::on_located(std::size_t partition, const Reply& reply) {
  if (reply.status != Code::kOk && !error_) {
    error_ = reply;
    error_->result = {};
  }
  results_[partition] = reply.result;
  if (--awaited_ == 0) finish();
}

void PartitionsGatherer::finish() {
  std::string all;
  PackedWriter writer(all);
  writer.array(results_.size());
  for (const std::string& result : results_) writer.packed(result);
  Reply reply;
  if (error_) {
    reply = *error_;
  } else {
    reply.result = all;
  }
  response_ = answer(plan_, reply);
}

std::optional<HttpResponse> PartitionsGatherer::take_response() { return std::exchange(response_, std::nullopt); }

}  // namespace trellis
