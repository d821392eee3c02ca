// Hellos: how they are packed, and read from bytes that nobody has checked.
#include "protocol/cluster/control_reader.hpp"
#include "protocol/limits.hpp"

namespace trellis {

using namespace control;

void add(BundleWriter& bundle, const Hello& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(19).natural(message.protocol_version).natural(message.id.value).natural(message.nonce.value);
  writer.str(message.address)
      .str(message.zone)
      .str(message.cluster)
      .natural(message.map_epoch)
      .natural(message.map_version);
  writer.boolean(message.formed)
      .natural(message.level)
      .boolean(message.joins)
      .boolean(message.leaving)
      .natural(message.keys)
      .natural(message.bytes)
      .natural(message.partitions);
  writer.array(message.leads.size());
  for (const Leadership& lead : message.leads) {
    writer.array(4).natural(lead.partition.value).natural(lead.term.value).natural(lead.configuration.value);
    writer.array(lead.voters.size());
    for (const auto& [id, worker] : lead.voters) writer.array(2).natural(id.value).natural(worker.value);
  }
  writer.natural(message.token);
  const WorkerLoad& load = message.load;
  writer.array(4).natural(load.resident_bytes).natural(load.requests).natural(load.request_microseconds);
  writer.array(load.followers.size());
  for (const FollowerLag& lag : load.followers) {
    writer.array(3).natural(lag.follower.value).natural(lag.entries).natural(lag.milliseconds);
  }
  pack(writer, message.stamps);
  add_control(bundle, MessageType::kHello, header);
}

Result<Hello> read_hello(const BundleItem& item) {
  const auto header = header_of(item, MessageType::kHello);
  Hello hello;
  // The version comes first and is returned whatever follows, so that a worker of another version can be told.
  PackedReader version(header.value_or(""));
  const auto elements = version.read_array();
  const auto spoken = version.read_uint();
  if (elements && spoken && *spoken != hello.protocol_version && *spoken <= UINT32_MAX) {
    hello.protocol_version = static_cast<std::uint32_t>(*spoken);
    return hello;
  }
  ControlReader reader(header, 19);
  hello.protocol_version = reader.natural32();
  hello.id = {reader.natural()};
  hello.nonce = {reader.natural()};
  hello.address = reader.str(kAddressSizeMax);
  hello.zone = reader.str(kZoneSizeMax);
  hello.cluster = reader.str(kClusterIdSize);
  hello.map_epoch = reader.natural();
  hello.map_version = reader.natural();
  hello.formed = reader.boolean();
  hello.level = reader.natural32();
  hello.joins = reader.boolean();
  hello.leaving = reader.boolean();
  hello.keys = reader.natural();
  hello.bytes = reader.natural();
  hello.partitions = reader.natural32(kPartitionsMax);
  for (std::uint32_t left = reader.array(kPartitionsMax); left > 0 && reader.ok(); --left) {
    reader.tuple(4);
    Leadership& lead = hello.leads.emplace_back();
    lead.partition = {reader.natural32(kPartitionsMax - 1)};
    lead.term = {reader.natural()};
    lead.configuration = {reader.natural()};
    for (std::uint32_t voters = reader.array(2 * kWorkersMax); voters > 0 && reader.ok(); --voters) {
      reader.tuple(2);
      ReplicaPlace& voter = lead.voters.emplace_back();
      voter.id = {reader.natural()};
      voter.worker = {reader.natural()};
    }
  }
  hello.token = reader.natural();
  reader.tuple(4);
  hello.load.resident_bytes = reader.natural();
  hello.load.requests = reader.natural();
  hello.load.request_microseconds = reader.natural();
  for (std::uint32_t left = reader.array(kWorkersMax); left > 0 && reader.ok(); --left) {
    reader.tuple(3);
    FollowerLag lag;
    lag.follower = {reader.natural()};
    lag.entries = reader.natural();
    lag.milliseconds = reader.natural32();
    hello.load.followers.push_back(lag);
  }
  hello.stamps = read_stamps(reader);
  if (!reader.at_end() || hello.id.value == 0 || hello.address.empty() ||
      (!hello.zone.empty() && !is_zone(hello.zone)) || (!hello.cluster.empty() && !is_cluster_id(hello.cluster))) {
    return bad("hello");
  }
  return hello;
}

}  // namespace trellis
