// MapKeeper: what the leader of partition 0 does with the cluster map: it is asked for changes, and some follow by
// themselves from what the members tell of their groups.
//
//   a member that joins has the vote in each group that is to have it    it is a member
//   no group has a member any more that leaves, and it holds nothing     it is dropped
//   each member, also one that was down, has said that it knows more     the level is raised to what all know
//   a member says that it stands in another zone                         it does
//   a member was silent for as long as the settings say                  it is down for good (kDown), and its replicas
//                                                                        are made anew elsewhere
//   one that is down for good is heard                                   it is a member, and keeps what is left
//   replicas crowd in a zone, and one in another has room and is heard   some move there: it was down when they came
//
// One worker is repaired at a time: the next one once every group that can do without the former has done so.  Where
// nobody could take over what a silent member carries, nothing changes: a group is not made smaller for it.
//
// A group's report counts only for what cannot become untrue again: once a group follows a map by which a member
// leaves, and its committed configuration lacks it, no leader ever adds it again, since none follows an older map.
//
// How long a member has been silent is told by this leader's own clock, from when it first saw it among the members in
// its leadership: late, never early.  Loop thread only; pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "protocol/cluster/cluster_map.hpp"
#include "worker/member_messages.hpp"

namespace trellis {

class MapKeeper {
 public:
  /// Every member is asked so often how its groups stand.
  static constexpr std::chrono::milliseconds kCheckEvery{1'000};
  /// Who was silent for so long, and has to go, is taken for down.
  static constexpr std::chrono::milliseconds kDownAfter{1'500};

  /// What the simulator switches off to see whether it is found.
  struct Omitted {
    bool repair_time = false;  ///< Whoever is taken for down is down for good.
  };

  /// @param level  what this software knows
  explicit MapKeeper(std::uint32_t level = kLevel) : MapKeeper(level, Omitted()) {}
  MapKeeper(std::uint32_t level, Omitted omitted) : level_(level), omitted_(omitted) {}

  /// Its leadership of partition 0 begins; whatever was known is of an earlier one.
  void begin(Term term);
  /// The term in which it keeps the map.
  Term term() const { return term_; }

  /// These are the members now: from here on it counts how long one of them has been silent.
  void on_members(const ClusterMap& map, TimePoint now);
  void on_standing(WorkerId from, const Standing& standing, TimePoint now);
  bool is_down(WorkerId worker, TimePoint now) const;
  /// Those of the members that are.
  std::set<WorkerId> down(const ClusterMap& map, TimePoint now) const;
  /// The version of the map that the worker has said last that it has; zero where it was not heard.
  MapVersion map_of(WorkerId worker) const;

  /// The next map that follows from what is known; nothing where it stays as it is.
  std::optional<ClusterMap> next(const ClusterMap& map, TimePoint now) const;

  /// What a worker said last of itself.
  struct Heard {
    struct Arrival {
      Receiving said;
      std::uint64_t rate = 0;  ///< Bytes a second, between the last two times.
    };
    TimePoint at;
    MapVersion map;
    std::uint32_t level = 0;
    std::uint32_t held = 0;
    std::uint64_t memory = 0;
    bool is_full = false;
    std::map<PartitionId, Arrival> receiving;
    std::string zone;
  };
  /// Null: it was not heard.
  const Heard* heard(WorkerId worker) const;
  /// The newest report of a group's leaders; null: there is none.
  const LedGroup* group(PartitionId id) const;

  /// Why an empty worker must not take the place of this member yet, for people; empty where it may.
  std::string replacement_obstacle(const ClusterMap& map, const Member& member, TimePoint now) const;

 private:
  bool has_settled(const ClusterMap& map, const Member& member) const;
  bool has_left(const ClusterMap& map, const Member& member, TimePoint now) const;
  const LedGroup* report_of(std::uint32_t group, std::uint64_t since) const;
  std::uint32_t level_of_all(const ClusterMap& map) const;
  std::optional<ClusterMap> rezoned(const ClusterMap& map, TimePoint now) const;
  std::optional<ClusterMap> returned(const ClusterMap& map, TimePoint now) const;
  std::optional<ClusterMap> repaired(const ClusterMap& map, TimePoint now) const;
  std::optional<ClusterMap> spread(const ClusterMap& map, TimePoint now) const;
  Duration silence_of(WorkerId worker, TimePoint now) const;
  bool is_made_good(const ClusterMap& map, const Member& member, TimePoint now) const;
  bool has_majority(const LedGroup& group, TimePoint now) const;

  std::uint32_t level_;
  Omitted omitted_;
  Term term_;
  std::map<WorkerId, TimePoint> known_since_;
  std::map<WorkerId, Heard> heard_;
  std::map<PartitionId, LedGroup> groups_;  ///< The newest report of each.
};

}  // namespace trellis
