// Outbox: what has gathered for each worker, sent as one bundle a worker and flush.
//
// Every message to a worker goes through here.  A request is noted with its tag, so that a bundle that could not be
// sent is known to have done nothing.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/pool.hpp"
#include "broker/types.hpp"
#include "protocol/bundle.hpp"

namespace trellis {

class Outbox {
 public:
  /// What waits for one connection.  One that is kept stays where it is until forget().
  struct Slot {
    BackendAddress address;
    BundleWriter bundle;
    std::vector<Tag> tags;  ///< Of the requests in the bundle.
    bool listed = false;    ///< Among those that flush() looks at.
    bool kept = false;      ///< A worker's own; else it is gone after the flush (a refusal, to one that has no place).
  };

  explicit Outbox(BrokerOutput& output) : output_(output) {}

  Slot& slot(const BackendAddress& address);
  /// The slot's bundle, which will be sent by the next flush.
  BundleWriter& to(Slot& slot);
  BundleWriter& to(const BackendAddress& address) { return to(slot(address)); }
  /// The connection is not used any more; what waits for it is dropped.
  void forget(const BackendAddress& address);

  /// Sends everything.  Appends the tags of the requests that could not be sent.
  void flush(std::vector<Tag>& unsent);

 private:
  BrokerOutput& output_;
  std::unordered_map<BackendAddress, std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> waiting_;
};

}  // namespace trellis
