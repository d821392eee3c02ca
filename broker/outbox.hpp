// Outbox: what has gathered for each worker, sent as one bundle a worker and flush.
//
// Every message to a worker goes through here.  A request is noted with its tag, so that a bundle that could not be
// sent is known to have done nothing.  Requests wait in the slot while their link has no room
// (protocol/cluster/bulk.hpp), and can be taken back as long as they do; everything else leaves with the next flush.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/pool.hpp"
#include "broker/types.hpp"
#include "protocol/cluster/bulk_link.hpp"
#include "protocol/cluster/cluster_messages.hpp"

namespace trellis {

class Outbox {
 public:
  /// What waits for one connection.  One that is kept stays where it is until forget().
  struct Slot {
    Slot(std::uint64_t first, BulkRoom& room) : bulk(first, room) {}
    BackendAddress address;
    BulkLink bulk;
    BundleWriter bundle;
    std::vector<Tag> tags;  ///< Tags of the requests that are in the bundle, whole.
    bool listed = false;    ///< Among those that flush() looks at.
    bool is_bulky = false;  ///< Among those of which something waits, or was not reported.
    bool kept = false;      ///< A worker's own; else it is gone after the flush (a refusal, to one that has no place).
  };

  /// @param first  random: where the numbers of large items begin
  Outbox(BrokerOutput& output, std::uint64_t first) : output_(output), next_link_(first) {}

  Slot& slot(const BackendAddress& address);
  /// The slot's bundle, which will be sent by the next flush.
  BundleWriter& to(Slot& slot);
  BundleWriter& to(const BackendAddress& address) { return to(slot(address)); }
  /// Adds a request, now or as soon as the link has room for it; the slot is a worker's own.
  void add(Slot& slot, const WorkerRequest& request, TimePoint now);
  /// Takes back a request that has not left to its end: it will not be carried out.
  void take_back(Slot& slot, Tag request) {
    if (slot.bulk.out.has_waiting()) slot.bulk.out.drop(request);
  }
  /// Whether a request has not left to its end.
  static bool is_waiting(const Slot& slot, Tag request) { return slot.bulk.out.has(request); }
  /// The connection is not used any more; what waits for it is dropped.
  void forget(const BackendAddress& address);

  /// Bytes of reads since the last flush.
  std::size_t reads_waiting() const { return reads_waiting_; }
  /// Sends everything that has room.  Appends the tags of the requests that could not be sent.
  void flush(std::vector<Tag>& unsent, TimePoint now);
  /// Forgets what was begun by workers and is not continued.
  void tick(TimePoint now);

 private:
  void send(Slot& slot, std::vector<Tag>& unsent);

  /// Links are so far apart that none comes to the numbers of another.
  static constexpr std::uint64_t kNumbersApart = 1ull << 40;

  BrokerOutput& output_;
  BulkRoom room_;
  std::uint64_t next_link_;
  std::unordered_map<BackendAddress, std::unique_ptr<Slot>> slots_;
  std::size_t reads_waiting_ = 0;
  std::vector<Slot*> waiting_;  ///< With something to say now.
  std::vector<Slot*> bulky_;    ///< With something large that waits, or whose arrival was not reported.
};

}  // namespace trellis
