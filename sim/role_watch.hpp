// RoleWatch: whether brokers go by the users and roles that there are, while these change.
//
// An administrator changes them one after the other: the rules of a role, the role of the raw clients' user, and that
// user itself, who is removed and added again.  Each change is asked for, under one session and seq, until it is
// acknowledged, and makes one version of the records, so a version names a state of the model (sim/roles.hpp).
// Checked are:
//
//   - what a user is answered is right by a version that its broker had between the request and its answer;
//   - no broker goes back to an earlier version, and there is none that was not asked for: no change is made twice;
//   - in the end the replicas hold what was acknowledged last, whatever crashed;
//   - where all has been well for a while, each broker has a change within a second of its acknowledgement.
//
// What a user has written against its role and would be read by others the histories' checkers find.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/command_table.hpp"
#include "protocol/reply.hpp"
#include "protocol/types.hpp"
#include "sim/client_address.hpp"
#include "sim/roles.hpp"

namespace trellis::sim {

class Cluster;

class RoleWatch {
 public:
  explicit RoleWatch(Cluster& cluster);

  /// The administrator makes changes from now on.
  void begin();
  void finish() { is_finishing_ = true; }
  /// At the end, when all is level: what the replicas hold is what was acknowledged last.
  void check_end();

  /// A broker has these records from now on; one that ends has none.
  void on_users(std::size_t broker, std::uint64_t version);
  void on_end(std::size_t broker) { known_.erase(broker); }
  /// A raw client's request is handed to a broker, and answered by it.
  /// @param user  the number under which its connection was let in
  void on_request(std::size_t broker, const SimulatedClient& client, std::uint64_t id, std::uint64_t user);
  void on_reply(std::size_t broker, const SimulatedClient& client, std::uint64_t id);

  /// What is wrong with the answer to a request, by each of the states that may have counted; null: nothing.
  using Wrong = std::function<const char*(const RoleState& state, std::uint64_t user)>;
  const char* wrong(std::size_t raw_client, std::uint64_t id, const Wrong& wrong_by) const;

 private:
  struct Change {
    RoleState state;
    std::optional<TimePoint> acknowledged;
  };
  /// The versions that a broker had while a request was under way.
  struct Span {
    std::uint64_t user = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };

  void change_later();
  void change();
  RoleState next_state();
  /// The command that leads from the state before to this one.
  std::pair<Command, std::string> command_to(const RoleState& before, const RoleState& after) const;
  void ask(Command command, const std::string& arguments);
  void on_answer(const Reply& reply);
  void on_acknowledged();
  void check_that_changes_hold(std::size_t broker);

  Cluster& cluster_;
  std::vector<Change> changes_;  ///< By version, from 1 on.
  std::uint64_t next_guest_ = kFirstGuest + 1;
  std::uint64_t asked_ = 0;                                      ///< How often any was asked for.
  std::map<std::size_t, std::uint64_t> known_;                   ///< The version that each broker has.
  std::map<std::pair<std::size_t, std::uint64_t>, Span> spans_;  ///< By raw client and request.
  bool is_finishing_ = false;
};

}  // namespace trellis::sim
