#include "worker/raft/library_values.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "protocol/check.hpp"

namespace trellis {
namespace {

void fill_configuration(struct raft_configuration* configuration,
                        const std::vector<records::ConfigurationMember>& members) {
  raft_configuration_init(configuration);
  for (const auto& member : members) {
    const ReplicaPlace& place = member.place;
    CHECK(raft_configuration_add(configuration, place.id.value, address_of(place).c_str(), member.role) == 0);
  }
}

}  // namespace

std::string_view view(const struct raft_buffer& buffer) { return {static_cast<const char*>(buffer.base), buffer.len}; }

struct raft_buffer copy_for_library(std::string_view bytes) {
  struct raft_buffer buffer {};
  buffer.len = bytes.size();
  buffer.base = raft_malloc(std::max<std::size_t>(bytes.size(), 1));
  CHECK(buffer.base != nullptr);
  if (!bytes.empty()) std::memcpy(buffer.base, bytes.data(), bytes.size());
  return buffer;
}

records::SnapshotRecord to_record(const struct raft_snapshot& snapshot) {
  records::SnapshotRecord record{snapshot.index, snapshot.term, snapshot.configuration_index, {}, {}};
  for (unsigned i = 0; i < snapshot.configuration.n; ++i) {
    const struct raft_server& server = snapshot.configuration.servers[i];
    record.configuration.push_back({place_of(server.id, server.address), static_cast<std::uint8_t>(server.role)});
  }
  for (unsigned i = 0; i < snapshot.n_bufs; ++i) record.descriptor += view(snapshot.bufs[i]);
  return record;
}

struct raft_snapshot* to_library(const records::SnapshotRecord& record) {
  auto* snapshot = static_cast<struct raft_snapshot*>(raft_calloc(1, sizeof(struct raft_snapshot)));
  CHECK(snapshot != nullptr);
  snapshot->index = record.index;
  snapshot->term = record.term;
  snapshot->configuration_index = record.configuration_index;
  fill_configuration(&snapshot->configuration, record.configuration);
  snapshot->bufs = static_cast<struct raft_buffer*>(raft_malloc(sizeof(struct raft_buffer)));
  CHECK(snapshot->bufs != nullptr);
  snapshot->n_bufs = 1;
  snapshot->bufs[0] = copy_for_library(record.descriptor);
  return snapshot;
}

std::string address_of(const ReplicaPlace& place) { return to_string(place.worker); }

ReplicaPlace place_of(raft_id id, const char* address) {
  return {ReplicaId{id}, worker_of(address).value_or(WorkerId{})};
}

std::optional<WorkerId> worker_of(std::string_view address) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (address.size() != 16 || !std::all_of(address.begin(), address.end(), is_digit)) return std::nullopt;
  WorkerId id;
  std::from_chars(address.data(), address.data() + address.size(), id.value, 16);
  return id;
}

std::uint64_t entries_held(const struct raft_log& log) {
  if (log.size == 0) return 0;
  return log.front <= log.back ? log.back - log.front : log.size - log.front + log.back;
}

const struct raft_entry* entry_at(const struct raft& raft, raft_index index) {
  const struct raft_log& log = raft.log;
  if (index <= log.offset || index > log.offset + entries_held(log)) return nullptr;
  return &log.entries[(log.front + (index - log.offset - 1)) % log.size];
}

raft_term term_at(const struct raft& raft, raft_index index) {
  if (index != 0 && index == raft.log.snapshot.last_index) return raft.log.snapshot.last_term;
  const struct raft_entry* entry = entry_at(raft, index);
  return entry == nullptr ? 0 : entry->term;
}

}  // namespace trellis
