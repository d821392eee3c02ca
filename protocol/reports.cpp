#include "protocol/reports.hpp"

#include "protocol/packed.hpp"

namespace trellis {
namespace {

// The fields of each report, in the order in which they are packed: `visit` is called with each one's name and place.

template <typename Report, typename Visit>
void visit_status(Report& status, const Visit& visit) {
  visit("cluster", status.cluster);
  visit("k", status.k);
  visit("replicas", status.replicas);
  visit("tolerates", status.tolerates);
  visit("partitions", status.partitions);
  visit("partitions_available", status.partitions_available);
  visit("workers", status.workers);
  visit("workers_up", status.workers_up);
  visit("guaranteed", status.guaranteed);
  visit("map_version", status.map_version);
  visit("epoch", status.epoch);
  visit("level", status.level);
  visit("moves_left", status.moves_left);
  visit("under_replicated", status.under_replicated);
  visit("zones", status.zones);
  visit("version", status.version);
}

template <typename Report, typename Visit>
void visit_member(Report& member, bool with_load, const Visit& visit) {
  visit("id", member.id);
  visit("address", member.address);
  visit("state", member.state);
  visit("zone", member.zone);
  visit("membership", member.membership);
  visit("moves_left", member.moves_left);
  visit("last_heartbeat_ms", member.last_heartbeat_ms);
  visit("partitions", member.partitions);
  visit("leads", member.leads);
  visit("keys", member.keys);
  visit("bytes", member.bytes);
  visit("level", member.level);
  if (!with_load) return;
  visit("memory", member.load.memory);
  visit("requests", member.load.requests);
  visit("request_us", member.load.request_us);
  visit("lag_entries", member.load.lag_entries);
  visit("lag_ms", member.load.lag_ms);
}

template <typename Report, typename Visit>
void visit_settings(Report& settings, const Visit& visit) {
  visit("k", settings.k);
  visit("repair_after_ms", settings.repair_after_ms);
  visit("moves", settings.moves);
  visit("move_rate", settings.move_rate);
}

template <typename Report, typename Visit>
void visit_move(Report& move, const Visit& visit) {
  visit("partition", move.partition);
  visit("from", move.from);
  visit("to", move.to);
  visit("step", move.step);
  visit("bytes", move.bytes);
  visit("sent", move.sent);
  visit("rate", move.rate);
  visit("time_left_ms", move.time_left_ms);
  visit("note", move.note);
}

template <typename Report, typename Visit>
void visit_transfer(Report& transfer, const Visit& visit) {
  visit("partition", transfer.partition);
  visit("from", transfer.from);
  visit("to", transfer.to);
  visit("bytes", transfer.bytes);
}

template <typename Report, typename Visit>
void visit_plan_worker(Report& worker, const Visit& visit) {
  visit("address", worker.address);
  visit("replicas_before", worker.replicas_before);
  visit("replicas_after", worker.replicas_after);
  visit("bytes_before", worker.bytes_before);
  visit("bytes_after", worker.bytes_after);
  visit("memory_before", worker.memory_before);
  visit("memory_after", worker.memory_after);
}

template <typename Report, typename Visit>
void visit_plan(Report& plan, const Visit& visit) {
  visit("replicas", plan.replicas);
  visit("bytes", plan.bytes);
  visit("tolerates_before", plan.tolerates_before);
  visit("tolerates_during", plan.tolerates_during);
  visit("tolerates_after", plan.tolerates_after);
  visit("transfers", plan.transfers);
  visit("workers", plan.workers);
}

template <typename Report, typename Visit>
void visit_location(Report& location, const Visit& visit) {
  visit("partition", location.partition);
  visit("replicas", location.replicas);
  visit("leader", location.leader);
  visit("addresses", location.addresses);
}

template <typename Report, typename Visit>
void visit_recovered(Report& recovered, const Visit& visit) {
  visit("partition", recovered.partition);
  visit("worker", recovered.worker);
  visit("replicas", recovered.replicas);
  visit("entries", recovered.entries);
  visit("note", recovered.note);
}

template <typename Report, typename Visit>
void visit_recovery(Report& recovery, const Visit& visit) {
  visit("cluster", recovery.cluster);
  visit("epoch", recovery.epoch);
  visit("done", recovery.done);
  visit("lost", recovery.lost);
  visit("whole", recovery.whole);
  visit("partitions", recovery.partitions);
}

void pack_field(PackedWriter& writer, std::uint64_t value) { writer.natural(value); }
void pack_field(PackedWriter& writer, bool value) { writer.boolean(value); }
void pack_field(PackedWriter& writer, const std::string& value) { writer.str(value); }
void pack_field(PackedWriter& writer, const std::vector<std::string>& values) {
  writer.array(values.size());
  for (const std::string& value : values) writer.str(value);
}
void pack_field(PackedWriter& writer, const std::vector<std::pair<std::string, std::string>>& pairs) {
  writer.map(pairs.size());
  for (const auto& [name, value] : pairs) writer.str(name).str(value);
}
template <typename Value>
void pack_field(PackedWriter& writer, const std::optional<Value>& value) {
  value ? pack_field(writer, *value) : static_cast<void>(writer.nil());
}

void pack_field(PackedWriter& writer, const std::vector<PlanReport::Transfer>& transfers);
void pack_field(PackedWriter& writer, const std::vector<PlanReport::Worker>& workers);
void pack_field(PackedWriter& writer, const std::vector<RecoveryReport::Partition>& partitions);

/// Packs what `visit_all` visits as a map.
template <typename VisitAll>
void pack_fields(PackedWriter& writer, const VisitAll& visit_all) {
  std::size_t count = 0;
  visit_all([&count](std::string_view, const auto&) { ++count; });
  writer.map(count);
  visit_all([&writer](std::string_view name, const auto& value) { pack_field(writer.str(name), value); });
}

void pack_field(PackedWriter& writer, const std::vector<PlanReport::Transfer>& transfers) {
  writer.array(transfers.size());
  for (const PlanReport::Transfer& each : transfers) {
    pack_fields(writer, [&each](const auto& visit) { visit_transfer(each, visit); });
  }
}
void pack_field(PackedWriter& writer, const std::vector<PlanReport::Worker>& workers) {
  writer.array(workers.size());
  for (const PlanReport::Worker& each : workers) {
    pack_fields(writer, [&each](const auto& visit) { visit_plan_worker(each, visit); });
  }
}

void pack_field(PackedWriter& writer, const std::vector<RecoveryReport::Partition>& partitions) {
  writer.array(partitions.size());
  for (const RecoveryReport::Partition& each : partitions) {
    pack_fields(writer, [&each](const auto& visit) { visit_recovered(each, visit); });
  }
}

/// Puts a value that is there into its place.  Nothing there: it was not of the field's type.
template <typename Value, typename Place>
bool take(const std::optional<Value>& value, Place& place) {
  if (value) place = *value;
  return value.has_value();
}

bool read_field(PackedReader& reader, std::uint64_t& out) { return take(reader.read_uint(), out); }
bool read_field(PackedReader& reader, bool& out) { return take(reader.read_bool(), out); }
bool read_field(PackedReader& reader, std::string& out) { return take(reader.read_str(), out); }
bool read_field(PackedReader& reader, std::vector<std::string>& out) {
  const auto count = reader.read_array();
  for (std::uint32_t left = count.value_or(0); left > 0; --left) {
    if (!read_field(reader, out.emplace_back())) return false;
  }
  return count.has_value();
}
bool read_field(PackedReader& reader, std::vector<std::pair<std::string, std::string>>& out) {
  const auto count = reader.read_map();
  for (std::uint32_t left = count.value_or(0); left > 0; --left) {
    auto& [name, value] = out.emplace_back();
    if (!read_field(reader, name) || !read_field(reader, value)) return false;
  }
  return count.has_value();
}
template <typename Value>
bool read_field(PackedReader& reader, std::optional<Value>& out) {
  return reader.read_nil() || read_field(reader, out.emplace());
}

bool read_field(PackedReader& reader, std::vector<PlanReport::Transfer>& out);
bool read_field(PackedReader& reader, std::vector<PlanReport::Worker>& out);
bool read_field(PackedReader& reader, std::vector<RecoveryReport::Partition>& out);

/// Reads a map into what `visit_all` visits.
template <typename VisitAll>
bool read_fields_of(PackedReader& reader, const VisitAll& visit_all) {
  const auto count = reader.read_map();
  for (std::uint32_t left = count.value_or(0); left > 0; --left) {
    const auto name = reader.read_str();
    const auto packed = reader.read_value();
    if (!name || !packed) return false;
    bool good = true;
    visit_all([&](std::string_view field, auto& place) {
      PackedReader value(*packed);
      if (field == *name) good = read_field(value, place);
    });
    if (!good) return false;
  }
  return count.has_value();
}

/// Reads an array of maps: `visit` visits the fields of one.
template <typename Report, typename VisitOne>
bool read_array_of(PackedReader& reader, std::vector<Report>& out, const VisitOne& visit_one) {
  const auto count = reader.read_array();
  for (std::uint32_t left = count.value_or(0); left > 0; --left) {
    Report& report = out.emplace_back();
    if (!read_fields_of(reader, [&](const auto& visit) { visit_one(report, visit); })) return false;
  }
  return count.has_value();
}

bool read_field(PackedReader& reader, std::vector<PlanReport::Transfer>& out) {
  return read_array_of(reader, out, [](auto& transfer, const auto& visit) { visit_transfer(transfer, visit); });
}
bool read_field(PackedReader& reader, std::vector<PlanReport::Worker>& out) {
  return read_array_of(reader, out, [](auto& worker, const auto& visit) { visit_plan_worker(worker, visit); });
}

bool read_field(PackedReader& reader, std::vector<RecoveryReport::Partition>& out) {
  return read_array_of(reader, out, [](auto& recovered, const auto& visit) { visit_recovered(recovered, visit); });
}

}  // namespace

std::string_view LocationReport::address_of(std::string_view id) const {
  for (const auto& [known, address] : addresses) {
    if (known == id) return address;
  }
  return id;
}

std::string pack_report(const StatusReport& status) {
  std::string out;
  PackedWriter writer(out);
  pack_fields(writer, [&status](const auto& visit) { visit_status(status, visit); });
  return out;
}

std::string pack_report(const std::vector<MemberReport>& members, bool with_load) {
  std::string out;
  PackedWriter writer(out);
  writer.array(members.size());
  for (const MemberReport& member : members) {
    pack_fields(writer, [&member, with_load](const auto& visit) { visit_member(member, with_load, visit); });
  }
  return out;
}

std::string pack_report(const LocationReport& location) {
  std::string out;
  PackedWriter writer(out);
  pack_fields(writer, [&location](const auto& visit) { visit_location(location, visit); });
  return out;
}

std::string pack_report(const SettingsReport& settings) {
  std::string out;
  PackedWriter writer(out);
  pack_fields(writer, [&settings](const auto& visit) { visit_settings(settings, visit); });
  return out;
}

std::string pack_report(const std::vector<MoveReport>& moves) {
  std::string out;
  PackedWriter writer(out);
  writer.array(moves.size());
  for (const MoveReport& move : moves) {
    pack_fields(writer, [&move](const auto& visit) { visit_move(move, visit); });
  }
  return out;
}

std::string pack_report(const PlanReport& plan) {
  std::string out;
  PackedWriter writer(out);
  pack_fields(writer, [&plan](const auto& visit) { visit_plan(plan, visit); });
  return out;
}

std::string pack_report(const RecoveryReport& recovery) {
  std::string out;
  PackedWriter writer(out);
  pack_fields(writer, [&recovery](const auto& visit) { visit_recovery(recovery, visit); });
  return out;
}

std::optional<RecoveryReport> read_recovery_report(std::string_view packed) {
  RecoveryReport recovery;
  PackedReader reader(packed);
  const auto visit_all = [&recovery](const auto& visit) { visit_recovery(recovery, visit); };
  return read_fields_of(reader, visit_all) ? std::optional(std::move(recovery)) : std::nullopt;
}

std::optional<std::vector<MoveReport>> read_move_reports(std::string_view packed) {
  PackedReader reader(packed);
  std::vector<MoveReport> moves;
  const auto visit_one = [](auto& move, const auto& visit) { visit_move(move, visit); };
  return read_array_of(reader, moves, visit_one) ? std::optional(std::move(moves)) : std::nullopt;
}

std::optional<PlanReport> read_plan_report(std::string_view packed) {
  PlanReport plan;
  PackedReader reader(packed);
  const auto visit_all = [&plan](const auto& visit) { visit_plan(plan, visit); };
  return read_fields_of(reader, visit_all) ? std::optional(std::move(plan)) : std::nullopt;
}

std::optional<SettingsReport> read_settings_report(std::string_view packed) {
  SettingsReport settings;
  PackedReader reader(packed);
  const auto visit_all = [&settings](const auto& visit) { visit_settings(settings, visit); };
  return read_fields_of(reader, visit_all) ? std::optional(settings) : std::nullopt;
}

std::optional<StatusReport> read_status_report(std::string_view packed) {
  StatusReport status;
  PackedReader reader(packed);
  if (!read_fields_of(reader, [&status](const auto& visit) { visit_status(status, visit); })) return std::nullopt;
  return status;
}

std::optional<std::vector<MemberReport>> read_member_reports(std::string_view packed) {
  PackedReader reader(packed);
  const auto count = reader.read_array();
  if (!count) return std::nullopt;
  std::vector<MemberReport> members;
  for (std::uint32_t left = *count; left > 0; --left) {
    MemberReport& member = members.emplace_back();
    const auto visit_all = [&member](const auto& visit) { visit_member(member, true, visit); };
    if (!read_fields_of(reader, visit_all)) return std::nullopt;
  }
  return members;
}

std::optional<LocationReport> read_location_report(std::string_view packed) {
  LocationReport location;
  PackedReader reader(packed);
  if (!read_fields_of(reader, [&location](const auto& visit) { visit_location(location, visit); })) {
    return std::nullopt;
  }
  return location;
}

}  // namespace trellis
