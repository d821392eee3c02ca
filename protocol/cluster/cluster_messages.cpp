#include "protocol/cluster/cluster_messages.hpp"

#include <optional>

#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
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

Error bad(const char* message) { return invalid_argument(std::string("a broken ") + message + " message from a peer"); }

/// The item's header, if it is of that type.
std::optional<std::string_view> header_of(const BundleItem& item, MessageType type) {
  if (item.type != static_cast<std::uint8_t>(type)) return std::nullopt;
  return item.header;
}

void add_control(BundleWriter& bundle, MessageType type, std::string_view header) {
  bundle.add(static_cast<std::uint8_t>(type), header);
}

/// Reads a control message field by field.  The first that is not as it should be turns ok() false, for good; what is
/// read afterwards is zero or empty.
class ControlReader {
 public:
  ControlReader(std::optional<std::string_view> header, std::uint32_t fields) : reader_(header.value_or("")) {
    ok_ = header && reader_.read_array() == fields;
  }
  bool boolean() { return value(&PackedReader::read_bool).value_or(false); }
  std::uint64_t natural(std::uint64_t most = UINT64_MAX) {
    const auto read = value(&PackedReader::read_uint).value_or(0);
    if (read > most) ok_ = false;
    return ok_ ? read : 0;
  }
  std::uint32_t natural32(std::uint32_t most = UINT32_MAX) { return static_cast<std::uint32_t>(natural(most)); }
  std::string str(std::size_t size_max) {
    const auto read = value(&PackedReader::read_str).value_or("");
    if (read.size() > size_max) ok_ = false;
    return ok_ ? std::string(read) : std::string();
  }
  /// The number of elements that follow.
  std::uint32_t array(std::size_t most) {
    const auto read = value(&PackedReader::read_array).value_or(0);
    if (read > most) ok_ = false;
    return ok_ ? read : 0;
  }
  /// An array of exactly so many elements.
  void tuple(std::uint32_t elements) {
    if (value(&PackedReader::read_array).value_or(0) != elements) ok_ = false;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && reader_.at_end(); }

 private:
  template <typename T>
  std::optional<T> value(std::optional<T> (PackedReader::*read)()) {
    auto result = ok_ ? (reader_.*read)() : std::nullopt;
    if (!result) ok_ = false;
    return result;
  }
  PackedReader reader_;
  bool ok_ = false;
};

constexpr std::size_t kClusterIdSize = 32;

void pack(PackedWriter& writer, const Stamps& stamps) {
  writer.array(3).natural(stamps.sent).natural(stamps.echo).natural(stamps.held);
}

Stamps read_stamps(ControlReader& reader) {
  reader.tuple(3);
  Stamps stamps;
  stamps.sent = reader.natural();
  stamps.echo = reader.natural();
  stamps.held = reader.natural();
  return stamps;
}

/// Whether a byte names one of an enumeration's values, which count from 1 without a gap.
template <typename Enum>
bool is_one_of(std::uint8_t value, Enum last) {
  return value >= 1 && value <= static_cast<std::uint8_t>(last);
}

}  // namespace

void add(BundleWriter& bundle, const Hello& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(17).natural(message.protocol_version).natural(message.id.value).natural(message.nonce.value);
  writer.str(message.address).str(message.cluster).natural(message.map_epoch).natural(message.map_version);
  writer.boolean(message.formed)
      .natural(message.level)
      .boolean(message.leaving)
      .natural(message.keys)
      .natural(message.bytes)
      .natural(message.partitions);
  writer.array(message.leads.size());
  for (const Leadership& lead : message.leads) writer.array(2).natural(lead.partition.value).natural(lead.term.value);
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
  ControlReader reader(header, 17);
  hello.protocol_version = reader.natural32();
  hello.id = {reader.natural()};
  hello.nonce = {reader.natural()};
  hello.address = reader.str(kAddressSizeMax);
  hello.cluster = reader.str(kClusterIdSize);
  hello.map_epoch = reader.natural();
  hello.map_version = reader.natural();
  hello.formed = reader.boolean();
  hello.level = reader.natural32();
  hello.leaving = reader.boolean();
  hello.keys = reader.natural();
  hello.bytes = reader.natural();
  hello.partitions = reader.natural32(kPartitionsMax);
  for (std::uint32_t left = reader.array(kPartitionsMax); left > 0 && reader.ok(); --left) {
    reader.tuple(2);
    const PartitionId partition{reader.natural32(kPartitionsMax - 1)};
    hello.leads.push_back({partition, {reader.natural()}});
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
      (!hello.cluster.empty() && !is_cluster_id(hello.cluster))) {
    return bad("hello");
  }
  return hello;
}

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
  for (const auto& [id, address] : message.spec.workers) writer.array(2).natural(id.value).str(address);
  add_control(bundle, MessageType::kForm, header);
}

Result<Form> read_form(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kForm), 3);
  Form form;
  form.spec.k = reader.natural32();
  form.spec.partitions = reader.natural32();
  for (std::uint32_t left = reader.array(kWorkersMax); left > 0 && reader.ok(); --left) {
    reader.tuple(2);
    const WorkerId id{reader.natural()};
    form.spec.workers.emplace_back(id, reader.str(kAddressSizeMax));
  }
  if (!reader.at_end()) return bad("form");
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

std::string pack_header(const WorkerRequest& message) {
  std::string header;
  header.reserve(WorkerRequest::kHeaderSize + message.session.size());
  FieldWriter fields(header);
  fields.u64(message.tag).u32(message.attempt).u32(message.partition.value).u8(static_cast<std::uint8_t>(message.kind));
  fields.u8(static_cast<std::uint8_t>(message.mode)).u8(session_kind_of(message));
  fields.u64(message.seq)
      .u64(message.floor)
      .u32(message.timeout_ms)
      .u32(message.page_bytes)
      .u64(message.heard)
      .u32(message.client)
      .u8(message.is_suspect ? 1 : 0)
      .raw(message.session);
  return header;
}

void add(BundleWriter& bundle, const WorkerRequest& message) {
  bundle.add(static_cast<std::uint8_t>(MessageType::kRequest), pack_header(message), message.body);
}

Result<WorkerRequest> read_worker_request(const BundleItem& item) {
  const auto header = header_of(item, MessageType::kRequest);
  FieldReader fields(header.value_or(""));
  WorkerRequest request;
  request.tag = fields.u64();
  request.attempt = fields.u32();
  request.partition = {fields.u32()};
  const std::uint8_t kind = fields.u8();
  const std::uint8_t mode = fields.u8();
  const std::uint8_t session_kind = fields.u8();
  request.seq = fields.u64();
  request.floor = fields.u64();
  request.timeout_ms = fields.u32();
  request.page_bytes = fields.u32();
  request.heard = fields.u64();
  request.client = fields.u32();
  const std::uint8_t suspect = fields.u8();
  request.session = fields.rest();
  if (!fields.ok() || suspect > 1 || !is_one_of(kind, RequestKind::kBatch) || !is_one_of(mode, ReadMode::kChecked) ||
      session_kind > kClientsWithFloor || request.session.size() > kSessionSizeMax ||
      request.partition.value >= kPartitionsMax) {
    return bad("request");
  }
  request.kind = static_cast<RequestKind>(kind);
  request.mode = static_cast<ReadMode>(mode);
  request.broker_session = session_kind == kBrokerSession;
  request.has_floor = session_kind == kClientsWithFloor;
  request.is_suspect = suspect == 1;
  request.body = item.body;
  return request;
}

std::string pack_header(const WorkerReply& message) {
  std::string header;
  header.reserve(WorkerReply::kHeaderSize);
  FieldWriter fields(header);
  fields.u64(message.tag)
      .u32(message.attempt)
      .u8(static_cast<std::uint8_t>(message.outcome))
      .u32(message.partition.value);
  fields.u64(message.leader.value).u64(message.term.value).u64(message.applied.value);
  return header;
}

void add(BundleWriter& bundle, const WorkerReply& message) {
  bundle.add(static_cast<std::uint8_t>(MessageType::kReply), pack_header(message), message.body);
}

Result<WorkerReply> read_worker_reply(const BundleItem& item) {
  FieldReader fields(header_of(item, MessageType::kReply).value_or(""));
  WorkerReply reply;
  reply.tag = fields.u64();
  reply.attempt = fields.u32();
  const std::uint8_t outcome = fields.u8();
  reply.partition = {fields.u32()};
  reply.leader = {fields.u64()};
  reply.term = {fields.u64()};
  reply.applied = {fields.u64()};
  if (!fields.at_end() || !is_one_of(outcome, Outcome::kDiskFull) || reply.partition.value >= kPartitionsMax) {
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
  for (const auto& [partition, term] : message.terms) fields.u32(partition.value).u64(term.value);
  bundle.add(static_cast<std::uint8_t>(MessageType::kLeadershipAnswer), header);
}

Result<LeadershipAnswer> read_leadership_answer(const BundleItem& item) {
  FieldReader fields(header_of(item, MessageType::kLeadershipAnswer).value_or(""));
  LeadershipAnswer confirm{{fields.u64()}, fields.u64(), {}};
  const std::uint32_t count = fields.u32();
  if (!fields.ok() || count > kPartitionsMax) return bad("confirm");
  for (std::uint32_t i = 0; i < count; ++i) {
    const PartitionId partition{fields.u32()};
    confirm.terms.emplace_back(partition, Term{fields.u64()});
  }
  if (!fields.at_end()) return bad("confirm");
  return confirm;
}

}  // namespace trellis
