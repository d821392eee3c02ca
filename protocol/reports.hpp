// What STATUS, MEMBERS and LOCATE tell, as types; packed as docs/protocol.md says, and read, in one place.
//
// A reader takes the fields that it knows and passes over others, so that a broker may tell more; what is not told
// keeps its default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trellis {

struct StatusReport {
  std::optional<std::string> cluster;  ///< Its id; none while it is being formed.
  std::uint64_t k = 0;
  std::uint64_t replicas = 0;
  std::uint64_t tolerates = 0;  ///< Workers that can be down with everything still guaranteed.
  std::uint64_t partitions = 0;
  std::uint64_t partitions_available = 0;
  std::uint64_t workers = 0;
  std::uint64_t workers_up = 0;
  bool guaranteed = false;
  std::uint64_t map_version = 0;       ///< The version of the cluster map; 0: none yet.
  std::uint64_t epoch = 0;             ///< The epoch of the map.
  std::uint64_t level = 0;             ///< The level of the map: what all its members know.
  std::uint64_t moves_left = 0;        ///< Replicas that are not yet where the map has them.
  std::uint64_t zones = 0;             ///< Failure domains of the members that stay.
  std::uint64_t under_replicated = 0;  ///< Partitions with fewer replicas up than they should have.
  std::string version;                 ///< The version of the software.

  bool is_formed() const { return cluster.has_value(); }
  bool all_serve() const { return is_formed() && partitions > 0 && partitions_available == partitions; }
};

/// What a worker does, which MEMBERS tells where it is asked to.
struct LoadReport {
  // None where the broker has not heard the worker yet.
  std::optional<std::uint64_t> memory;      ///< Bytes resident.
  std::optional<std::uint64_t> requests;    ///< Results given since its start.
  std::optional<std::uint64_t> request_us;  ///< That they took, in sum.
  std::uint64_t lag_entries = 0;            ///< What its leaders have and do not know it to hold.
  std::uint64_t lag_ms = 0;                 ///< For how long, at most.
};

struct MemberReport {
  std::string id;
  std::string address;
  std::string state;
  std::optional<std::string> zone;          ///< Its failure domain; none while there is no cluster.
  std::optional<std::string> membership;    ///< joining, member or leaving; none while there is no cluster.
  std::optional<std::uint64_t> moves_left;  ///< Replicas that are to come to it, or to go from it.
  // None where the broker has not heard the worker yet.
  std::optional<std::uint64_t> last_heartbeat_ms;
  std::optional<std::uint64_t> partitions;
  std::optional<std::uint64_t> leads;
  std::optional<std::uint64_t> keys;
  std::optional<std::uint64_t> bytes;
  std::optional<std::uint64_t> level;  ///< What its software knows; at least the cluster's.
  LoadReport load;                     ///< As it is by default where it is not told.
};

/// What holds for the whole cluster.
struct SettingsReport {
  std::uint64_t k = 0;
  std::uint64_t repair_after_ms = 0;  ///< A member that is down for so long has its replicas made anew; 0: never.
  std::uint64_t moves = 0;            ///< Replicas that a worker sends, and receives, at a time.
  std::uint64_t move_rate = 0;        ///< Bytes a second that it spends on sending them; 0: no limit.
};

/// A replica on its way from one worker to another, or one that is made or given up alone.
struct MoveReport {
  std::uint64_t partition = 0;
  std::optional<std::string> from;            ///< Addresses.  None: there is a replica more afterwards,
  std::optional<std::string> to;              ///< and here one less.
  std::string step;                           ///< waiting, sending, level, removing: docs/protocol.md.
  std::uint64_t bytes = 0;                    ///< All that is to be sent, as far as it is known,
  std::uint64_t sent = 0;                     ///< and how much of it is there.
  std::uint64_t rate = 0;                     ///< Bytes a second, lately.
  std::optional<std::uint64_t> time_left_ms;  ///< At that rate.
  std::string note;                           ///< For people: what it waits for, or what failed last; empty: nothing.
};

/// What a change of the members or settings would move, where, and what may fail meanwhile.
struct PlanReport {
  struct Transfer {
    std::uint64_t partition = 0;
    std::optional<std::string> from;  ///< Addresses, as in a MoveReport.
    std::optional<std::string> to;
    std::uint64_t bytes = 0;
  };
  struct Worker {
    std::string address;
    std::uint64_t replicas_before = 0;
    std::uint64_t replicas_after = 0;
    std::uint64_t bytes_before = 0;  ///< Keys and documents, over all its replicas.
    std::uint64_t bytes_after = 0;
    std::optional<std::uint64_t> memory_before;  ///< Resident; none where it was not heard.
    std::optional<std::uint64_t> memory_after;   ///< By estimate.
  };
  std::uint64_t replicas = 0;          ///< That would move.
  std::uint64_t bytes = 0;             ///< All of them together.
  std::uint64_t tolerates_before = 0;  ///< Workers that may fail with everything still guaranteed: now,
  std::uint64_t tolerates_during = 0;  ///< at the worst moment on the way,
  std::uint64_t tolerates_after = 0;   ///< and once it is done.
  std::vector<Transfer> transfers;
  std::vector<Worker> workers;
};

/// What a recovery does, or has done.
struct RecoveryReport {
  /// One that had lost its majority.
  struct Partition {
    std::uint64_t partition = 0;
    std::string worker;          ///< The address of the one that has the freshest replica.
    std::uint64_t replicas = 0;  ///< That were left.
    std::uint64_t entries = 0;   ///< In the freshest one's log.
    std::string note;            ///< For people: what may be missing.
  };
  std::string cluster;            ///< Its id.
  std::uint64_t epoch = 0;        ///< The one that begins.
  bool done = false;              ///< Else it is a plan.
  std::vector<std::string> lost;  ///< Addresses.
  std::uint64_t whole = 0;        ///< Partitions that have a majority, and lose nothing.
  std::vector<Partition> partitions;
};

struct LocationReport {
  std::uint64_t partition = 0;
  std::vector<std::string> replicas;                           ///< Ids, in the ring's order.
  std::optional<std::string> leader;                           ///< Its id.
  std::vector<std::pair<std::string, std::string>> addresses;  ///< Id and address.

  /// The id itself where no address is told.
  std::string_view address_of(std::string_view id) const;
};

/// One packed value: the command's result.
std::string pack_report(const StatusReport& status);
std::string pack_report(const std::vector<MemberReport>& members, bool with_load);
std::string pack_report(const LocationReport& location);
std::string pack_report(const SettingsReport& settings);
std::string pack_report(const std::vector<MoveReport>& moves);
std::string pack_report(const PlanReport& plan);
std::string pack_report(const RecoveryReport& recovery);

/// Nothing where a field is not of its type, or the value of none of these shapes.
std::optional<StatusReport> read_status_report(std::string_view packed);
std::optional<std::vector<MemberReport>> read_member_reports(std::string_view packed);
std::optional<LocationReport> read_location_report(std::string_view packed);
std::optional<SettingsReport> read_settings_report(std::string_view packed);
std::optional<std::vector<MoveReport>> read_move_reports(std::string_view packed);
std::optional<PlanReport> read_plan_report(std::string_view packed);
std::optional<RecoveryReport> read_recovery_report(std::string_view packed);

}  // namespace trellis
