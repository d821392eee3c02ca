#include "worker/raft/stored_configuration.hpp"

#include <algorithm>

#include "protocol/cluster/bundle.hpp"
#include "worker/raft/library_values.hpp"

namespace trellis::records {
namespace {

constexpr std::uint8_t kFormat = 1;

}  // namespace

Result<std::vector<ConfigurationMember>> read_configuration_entry(std::string_view payload) {
  const Error damaged{Code::kInternal, "log store: a broken configuration"};
  FieldReader head(payload);
  const std::uint8_t format = head.u8();
  std::uint64_t left = head.u64();
  if (!head.ok() || format != kFormat) return damaged;
  std::vector<ConfigurationMember> members;
  for (std::string_view rest = head.rest(); left > 0; --left) {
    FieldReader fields(rest);
    const ReplicaId id{fields.u64()};
    const std::size_t end = fields.rest().find('\0');
    if (!fields.ok() || end == std::string_view::npos) return damaged;
    const auto worker = worker_of(fields.raw(end + 1).substr(0, end));
    const std::uint8_t role = fields.u8();
    if (!fields.ok() || !worker || role > RAFT_SPARE) return damaged;
    const auto is_same = [&](const ConfigurationMember& other) {
      return other.place.id == id || other.place.worker == *worker;
    };
    if (std::any_of(members.begin(), members.end(), is_same)) return damaged;
    members.push_back({{id, *worker}, role});
    rest = fields.rest();
  }
  return members;
}

bool is_lone_voter(const std::vector<ConfigurationMember>& members, ReplicaId id) {
  const auto is_voter = [](const ConfigurationMember& member) { return member.role == RAFT_VOTER; };
  return std::count_if(members.begin(), members.end(), is_voter) == 1 &&
         std::find_if(members.begin(), members.end(), is_voter)->place.id == id;
}

}  // namespace trellis::records
