// RecoveryTalk: where a Shard stands with those who recover its cluster (worker/shard_recovery.cpp).  A value.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/recovery_promise.hpp"
#include "worker/work.hpp"

namespace trellis {

struct RecoveryTalk {
  /// What a broker asked, which is answered once the other brokers have said whom they have heard.
  struct Question {
    RecoveryAsk ask;
    std::set<BrokerIndex> awaited;
    std::string refusal;  ///< The first of theirs.
  };
  /// What is said once its batch is durable: one of the two.
  struct Later {
    BatchNumber after = 0;
    BrokerIndex broker = 0;
    std::optional<RecoveryTold> told;
    std::optional<RecoveryWritten> written;
  };
  /// When this worker said last what it has, and with which map: a plan that was made from it holds only as long as
  /// that stays so.
  struct Told {
    TimePoint at;
    MapVersion map;
  };

  RecoveryPromise promise;
  std::map<BrokerIndex, Question> questions;
  std::vector<Later> later;
  std::optional<Told> told;
  std::map<WorkerId, TimePoint> map_told_at;  ///< To peers that do not know of a recovery yet.
  std::optional<TimePoint> warned_at;         ///< That one was begun, and has not ended.
};

}  // namespace trellis
