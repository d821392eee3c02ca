#include "protocol/cluster/cluster_messages.hpp"

#include <algorithm>

#include <optional>

#include "protocol/cluster/control_reader.hpp"
#include "protocol/cluster/field_buffer.hpp"
#include "protocol/limits.hpp"

namespace trellis {

using namespace control;

namespace {

constexpr std::size_t kReasonSizeMax = 4096;  ///< Bytes of a Refused's reason that are read.

/// Whose the session of a request is, and whether its floor counts.
constexpr std::uint8_t kClients = 0;
constexpr std::uint8_t kBrokerSession = 1;
constexpr std::uint8_t kClientsWithFloor = 2;

std::uint8_t session_kind_of(const WorkerRequest& request) {
  if (request.broker_session) return kBrokerSession;
  return request.has_floor ? kClientsWithFloor : kClients;
}

/// Whether a byte names one of an enumeration's values, which count from 1 without a gap.
template <typename Enum>
bool is_one_of(std::uint8_t value, Enum last) {
  return value >= 1 && value <= static_cast<std::uint8_t>(last);
}

}  // namespace

void add(BundleWriter& bundle, const Welcome& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(2).natural(message.broker_nonce.value);
  pack(writer, message.stamps);
  add_control(bundle, MessageType::kWelcome, header);
}

Result<Welcome> read_welcome(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kWelcome), 2);
  Welcome welcome{{reader.natural()}};
  welcome.stamps = read_stamps(reader);
  if (!reader.at_end()) return bad("welcome");
  return welcome;
}

void add(BundleWriter& bundle, const Refused& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(3).str(std::string_view(message.reason).substr(0, kReasonSizeMax)).natural(message.nonce.value);
  writer.boolean(message.is_final);
  add_control(bundle, MessageType::kRefused, header);
}

Result<Refused> read_refused(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kRefused), 3);
  Refused refused;
  refused.reason = reader.str(kReasonSizeMax);
  refused.nonce = {reader.natural()};
  refused.is_final = reader.boolean();
  if (!reader.at_end()) return bad("refused");
  return refused;
}

void add(BundleWriter& bundle, const Challenge& message) {
  std::string header;
  PackedWriter(header).array(2).natural(message.nonce.value).natural(message.token);
  add_control(bundle, MessageType::kChallenge, header);
}

Result<Challenge> read_challenge(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kChallenge), 2);
  Challenge challenge;
  challenge.nonce = {reader.natural()};
  challenge.token = reader.natural();
  if (!reader.at_end()) return bad("challenge");
  return challenge;
}

void add(BundleWriter& bundle, const Form& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(3).natural(message.spec.k).natural(message.spec.partitions).array(message.spec.workers.size());
  for (std::size_t i = 0; i < message.spec.workers.size(); ++i) {
    const auto& [id, address] = message.spec.workers[i];
    writer.array(3).natural(id.value).str(address).str(message.spec.zones.empty() ? "" : message.spec.zones[i]);
  }
  add_control(bundle, MessageType::kForm, header);
}

Result<Form> read_form(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kForm), 3);
  Form form;
  form.spec.k = reader.natural32();
  form.spec.partitions = reader.natural32();
  for (std::uint32_t left = reader.array(kWorkersMax); left > 0 && reader.ok(); --left) {
    reader.tuple(3);
    const WorkerId id{reader.natural()};
    form.spec.workers.emplace_back(id, reader.str(kAddressSizeMax));
    form.spec.zones.push_back(reader.str(kZoneSizeMax));
  }
  if (!reader.at_end()) return bad("form");
  const auto& zones = form.spec.zones;
  const bool has_zones = std::any_of(zones.begin(), zones.end(), [](const std::string& zone) { return !zone.empty(); });
  if (!has_zones) form.spec.zones.clear();
  if (auto good = check(form.spec); !good) return good.error();
  return form;
}

void add_map_wanted(BundleWriter& bundle) { add_control(bundle, MessageType::kMapWanted, ""); }

void add_map_offer(BundleWriter& bundle, const ClusterMap& map) {
  add_control(bundle, MessageType::kMapOffer, pack(map));
}

Result<ClusterMap> read_map_offer(const BundleItem& item) {
  const auto header = header_of(item, MessageType::kMapOffer);
  if (!header) return bad("map");
  return read_cluster_map(*header);
}

void add(BundleWriter& bundle, const AllHold& message) {
  std::string header;
  PackedWriter(header).array(2).str(message.cluster).natural(message.map_version);
  add_control(bundle, MessageType::kAllHold, header);
}

Result<AllHold> read_all_hold(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kAllHold), 2);
  AllHold all_hold;
  all_hold.cluster = reader.str(kClusterIdSize);
  all_hold.map_version = reader.natural();
  if (!reader.at_end() || !is_cluster_id(all_hold.cluster)) return bad("all-hold");
  return all_hold;
}

void add(BundleWriter& bundle, const JoinWanted& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(6).natural(message.id.value).natural(message.nonce.value).str(message.address).str(message.zone);
  writer.natural(message.map.epoch).natural(message.map.version);
  add_control(bundle, MessageType::kJoinWanted, header);
}

Result<JoinWanted> read_join_wanted(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kJoinWanted), 6);
  JoinWanted wanted;
  wanted.id = {reader.natural()};
  wanted.nonce = {reader.natural()};
  wanted.address = reader.str(kAddressSizeMax);
  wanted.zone = reader.str(kZoneSizeMax);
  wanted.map.epoch = reader.natural();
  wanted.map.version = reader.natural();
  const bool is_good_zone = wanted.zone.empty() || is_zone(wanted.zone);
  if (!reader.at_end() || wanted.id.value == 0 || wanted.address.empty() || !is_good_zone) return bad("wish to join");
  return wanted;
}

void add(BundleWriter& bundle, const JoinRefused& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(2).natural(message.nonce.value).str(std::string_view(message.reason).substr(0, kReasonSizeMax));
  add_control(bundle, MessageType::kJoinRefused, header);
}

Result<JoinRefused> read_join_refused(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kJoinRefused), 2);
  JoinRefused refused;
  refused.nonce = {reader.natural()};
  refused.reason = reader.str(kReasonSizeMax);
  if (!reader.at_end()) return bad("refusal to join");
  return refused;
}

namespace {

// Each begins empty where it is filled, so that the compiler knows where each field goes.

using RequestHeader = FieldBuffer<WorkerRequest::kHeaderSize + kSessionSizeMax>;
using ReplyHeader = FieldBuffer<WorkerReply::kHeaderSize>;

RequestHeader header_of(const WorkerRequest& message) {
  RequestHeader fields;
  fields.u64(message.tag).u32(message.attempt).u32(message.partition.value).u8(static_cast<std::uint8_t>(message.kind));
  fields.u8(static_cast<std::uint8_t>(message.mode)).u8(session_kind_of(message));
  fields.u8(static_cast<std::uint8_t>(message.command)).u64(message.id);
  fields.u64(message.seq).u64(message.floor).u32(message.timeout_ms).u32(message.page_bytes).u64(message.heard);
  fields.u32(message.client).u64(message.configuration.value).u8(message.is_suspect ? 1 : 0).raw(message.session);
  return fields;
}

ReplyHeader header_of(const WorkerReply& message) {
  ReplyHeader fields;
  fields.u64(message.tag).u32(message.attempt).u8(static_cast<std::uint8_t>(message.outcome));
  fields.u32(message.partition.value).u64(message.leader.value).u64(message.term.value).u64(message.applied.value);
  fields.u8(message.is_confirmed ? 1 : 0).u64(message.configuration.value);
  return fields;
}

}  // namespace

std::string pack_header(const WorkerRequest& message) { return std::string(header_of(message).view()); }

void add(BundleWriter& bundle, const WorkerRequest& message) {
  bundle.add(static_cast<std::uint8_t>(MessageType::kRequest), header_of(message).view(), message.body);
}

Result<WorkerRequest> read_worker_request(const BundleItem& item) {
  FieldReader reader(header_of(item, MessageType::kRequest).value_or(""));
  auto fields = reader.fixed<WorkerRequest::kHeaderSize>();
  WorkerRequest request;
  request.tag = fields.u64();
  request.attempt = fields.u32();
  request.partition = {fields.u32()};
  const std::uint8_t kind = fields.u8();
  const std::uint8_t mode = fields.u8();
  const std::uint8_t session_kind = fields.u8();
  const std::uint8_t command = fields.u8();
  request.id = fields.u64();
  request.seq = fields.u64();
  request.floor = fields.u64();
  request.timeout_ms = fields.u32();
  request.page_bytes = fields.u32();
  request.heard = fields.u64();
  request.client = fields.u32();
  request.configuration = {fields.u64()};
  const std::uint8_t suspect = fields.u8();
  request.session = reader.rest();
  if (!reader.ok() || suspect > 1 || !is_one_of(kind, RequestKind::kReads) || !is_one_of(mode, ReadMode::kChecked) ||
      session_kind > kClientsWithFloor || command >= kCommandCount || request.session.size() > kSessionSizeMax ||
      request.partition.value >= kPartitionsMax) {
    return bad("request");
  }
  request.kind = static_cast<RequestKind>(kind);
  request.command = static_cast<Command>(command);
  request.mode = static_cast<ReadMode>(mode);
  request.broker_session = session_kind == kBrokerSession;
  request.has_floor = session_kind == kClientsWithFloor;
  request.is_suspect = suspect == 1;
  request.body = item.body;
  return request;
}

std::string pack_header(const WorkerReply& message) { return std::string(header_of(message).view()); }

void add(BundleWriter& bundle, const WorkerReply& message) {
  bundle.add(static_cast<std::uint8_t>(MessageType::kReply), header_of(message).view(), message.body);
}

Result<WorkerReply> read_worker_reply(const BundleItem& item) {
  FieldReader reader(header_of(item, MessageType::kReply).value_or(""));
  auto fields = reader.fixed<WorkerReply::kHeaderSize>();
  WorkerReply reply;
  reply.tag = fields.u64();
  reply.attempt = fields.u32();
  const std::uint8_t outcome = fields.u8();
  reply.partition = {fields.u32()};
  reply.leader = {fields.u64()};
  reply.term = {fields.u64()};
  reply.applied = {fields.u64()};
  const std::uint8_t confirmed = fields.u8();
  reply.is_confirmed = confirmed == 1;
  reply.configuration = {fields.u64()};
  if (!reader.at_end() || confirmed > 1 || !is_one_of(outcome, Outcome::kDiskFull) ||
      reply.partition.value >= kPartitionsMax) {
    return bad("reply");
  }
  reply.outcome = static_cast<Outcome>(outcome);
  reply.body = item.body;
  return reply;
}

void add(BundleWriter& bundle, const LeadershipQuestion& message) {
  std::string header;
  FieldWriter fields(header);
  fields.u64(message.broker.value).u64(message.read_context).u32(static_cast<std::uint32_t>(message.partitions.size()));
  for (const PartitionId partition : message.partitions) fields.u32(partition.value);
  bundle.add(static_cast<std::uint8_t>(MessageType::kLeadershipQuestion), header);
}

Result<LeadershipQuestion> read_leadership_question(const BundleItem& item) {
  FieldReader fields(header_of(item, MessageType::kLeadershipQuestion).value_or(""));
  LeadershipQuestion wanted{{fields.u64()}, fields.u64(), {}};
  const std::uint32_t count = fields.u32();
  if (!fields.ok() || count > kPartitionsMax) return bad("wish for a confirm");
  for (std::uint32_t i = 0; i < count; ++i) wanted.partitions.push_back({fields.u32()});
  if (!fields.at_end()) return bad("wish for a confirm");
  return wanted;
}

void add(BundleWriter& bundle, const LeadershipAnswer& message) {
  std::string header;
  FieldWriter fields(header);
  fields.u64(message.broker.value).u64(message.read_context).u32(static_cast<std::uint32_t>(message.terms.size()));
  for (const auto& [partition, replica, term] : message.terms) {
    fields.u32(partition.value).u64(replica.value).u64(term.value);
  }
  bundle.add(static_cast<std::uint8_t>(MessageType::kLeadershipAnswer), header);
}

Result<LeadershipAnswer> read_leadership_answer(const BundleItem& item) {
  FieldReader fields(header_of(item, MessageType::kLeadershipAnswer).value_or(""));
  LeadershipAnswer confirm{{fields.u64()}, fields.u64(), {}};
  const std::uint32_t count = fields.u32();
  if (!fields.ok() || count > kPartitionsMax) return bad("confirm");
  for (std::uint32_t i = 0; i < count; ++i) {
    LeadershipAnswer::Known& known = confirm.terms.emplace_back();
    known.partition = {fields.u32()};
    known.replica = {fields.u64()};
    known.term = {fields.u64()};
  }
  if (!fields.at_end()) return bad("confirm");
  return confirm;
}

}  // namespace trellis
