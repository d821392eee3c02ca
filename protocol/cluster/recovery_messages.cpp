#include "protocol/cluster/recovery_messages.hpp"

#include "protocol/cluster/control_reader.hpp"
#include "protocol/limits.hpp"

namespace trellis {

using namespace control;

namespace {

void pack(PackedWriter& writer, const RecoveryNumber& number) {
  writer.array(3).natural(number.recovery).natural(number.attempt).natural(number.broker);
}

RecoveryNumber read_number(ControlReader& reader) {
  reader.tuple(3);
  RecoveryNumber number;
  number.recovery = reader.natural();
  number.attempt = reader.natural(kRecoveryAttemptMax);
  number.broker = reader.natural();
  return number;
}

}  // namespace

void add(BundleWriter& bundle, const RecoveryAsk& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(3);
  pack(writer, message.number);
  writer.str(message.cluster).array(message.lost.size());
  for (const WorkerId worker : message.lost) writer.natural(worker.value);
  add_control(bundle, MessageType::kRecoveryAsk, header);
}

Result<RecoveryAsk> read_recovery_ask(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kRecoveryAsk), 3);
  RecoveryAsk ask;
  ask.number = read_number(reader);
  ask.cluster = reader.str(kClusterIdSize);
  for (std::uint32_t left = reader.array(kWorkersMax); left > 0 && reader.ok(); --left) {
    ask.lost.push_back({reader.natural()});
  }
  if (!reader.at_end() || ask.lost.empty() || !is_cluster_id(ask.cluster)) return bad("question of a recovery");
  return ask;
}

void add(BundleWriter& bundle, const RecoveryTold& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(7);
  pack(writer, message.number);
  writer.natural(message.promised).str(message.refusal).str(message.map);
  pack(writer, message.accepted);
  writer.str(message.plan).array(message.ends.size());
  for (const ReplicaEnd& end : message.ends) {
    writer.array(7).natural(end.partition.value).natural(end.replica.value).natural(end.term);
    writer.natural(end.last_term).natural(end.last_index).natural(end.configuration_index).array(end.voters.size());
    for (const auto& [id, worker] : end.voters) writer.array(2).natural(id.value).natural(worker.value);
  }
  add_control(bundle, MessageType::kRecoveryTold, header);
}

Result<RecoveryTold> read_recovery_told(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kRecoveryTold), 7);
  RecoveryTold told;
  told.number = read_number(reader);
  told.promised = reader.natural(kRecoveryAttemptMax);
  told.refusal = reader.str(kRecoveryTextMax);
  told.map = reader.str(kPackedMapMax);
  told.accepted = read_number(reader);
  told.plan = reader.str(kPackedMapMax);
  for (std::uint32_t left = reader.array(kPartitionsMax); left > 0 && reader.ok(); --left) {
    reader.tuple(7);
    ReplicaEnd& end = told.ends.emplace_back();
    end.partition = {reader.natural32(kPartitionsMax - 1)};
    end.replica = {reader.natural()};
    end.term = reader.natural();
    end.last_term = reader.natural();
    end.last_index = reader.natural();
    end.configuration_index = reader.natural();
    for (std::uint32_t voters = reader.array(2 * kWorkersMax); voters > 0 && reader.ok(); --voters) {
      reader.tuple(2);
      ReplicaPlace& voter = end.voters.emplace_back();
      voter.id = {reader.natural()};
      voter.worker = {reader.natural()};
    }
  }
  if (!reader.at_end()) return bad("answer to a recovery");
  return told;
}

void add(BundleWriter& bundle, const RecoveryPlan& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(2);
  pack(writer, message.number);
  writer.str(message.map);
  add_control(bundle, MessageType::kRecoveryPlan, header);
}

Result<RecoveryPlan> read_recovery_plan(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kRecoveryPlan), 2);
  RecoveryPlan plan;
  plan.number = read_number(reader);
  plan.map = reader.str(kPackedMapMax);
  if (!reader.at_end()) return bad("plan of a recovery");
  return plan;
}

void add(BundleWriter& bundle, const RecoveryWritten& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(3);
  pack(writer, message.number);
  writer.natural(message.promised).str(message.refusal);
  add_control(bundle, MessageType::kRecoveryWritten, header);
}

Result<RecoveryWritten> read_recovery_written(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kRecoveryWritten), 3);
  RecoveryWritten written;
  written.number = read_number(reader);
  written.promised = reader.natural(kRecoveryAttemptMax);
  written.refusal = reader.str(kRecoveryTextMax);
  if (!reader.at_end()) return bad("word of a recovery");
  return written;
}

void add(BundleWriter& bundle, const RecoveryHeard& message) {
  std::string header;
  PackedWriter writer(header);
  writer.array(2);
  pack(writer, message.number);
  writer.str(message.refusal);
  add_control(bundle, MessageType::kRecoveryHeard, header);
}

Result<RecoveryHeard> read_recovery_heard(const BundleItem& item) {
  ControlReader reader(header_of(item, MessageType::kRecoveryHeard), 2);
  RecoveryHeard heard;
  heard.number = read_number(reader);
  heard.refusal = reader.str(kRecoveryTextMax);
  if (!reader.at_end()) return bad("word of a broker about a recovery");
  return heard;
}

}  // namespace trellis
