// A broker's core between fake clients and fake workers, with time handed by hand.
//
// Workers are scripts: they say hello when told (or with every beat of `pass`), and what the broker sends them waits in
// `requests` until a test answers it, or leaves it lying.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/broker.hpp"
#include "protocol/cluster/bulk_link.hpp"
#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/cluster/recovery_messages.hpp"
#include "protocol/command.hpp"
#include "protocol/packed.hpp"
#include "protocol/reply.hpp"

namespace trellis::test {

using std::chrono::milliseconds;

/// Packed values, written as tests like to read them.
std::string packed_str(std::string_view text);
std::string packed_uint(std::uint64_t value);
std::string packed_float(double value);
std::string packed_array(const std::vector<std::string>& packed_elements);
std::string packed_path(const std::vector<std::string>& segments);

/// A reply as a test looks at it; owns its bytes.
struct Received {
  std::uint64_t id = 0;
  Code status = Code::kOk;
  std::string result;
  ReplyInfo info;
  std::size_t envelope_frames = 0;
};

class Harness;

class FakeWorker {
 public:
  FakeWorker(Harness& harness, WorkerId id, std::string address);

  Hello hello;                ///< What it says of itself.
  BackendAddress connection;  ///< A new one for each incarnation.
  bool alive = true;          ///< Says hello with every beat.
  std::deque<WorkerRequest> requests;
  std::vector<LeadershipQuestion> leadership_questions;  ///< What was asked of it so far.
  std::size_t confirmed = 0;                             ///< For how many of these.
  bool confirms = true;                                  ///< As soon as it is asked, if it is alive.
  Term term;                                             ///< That it knows of every partition.
  std::optional<ClusterMap> map;
  std::optional<Form> form;
  std::vector<std::string> refusals;
  bool was_refused_for_good = false;
  bool is_challenged = false;  ///< Asked whether it lives, and has not answered yet.
  int welcomes = 0;
  std::optional<Welcome> welcome;  ///< The last.
  int maps_wanted = 0;
  int all_holds = 0;
  std::vector<JoinWanted> wishes;  ///< What it was told that others want.
  std::deque<RecoveryAsk> recovery_asks;
  std::deque<RecoveryPlan> recovery_plans;
  std::deque<RecoveryHeard> recovery_heard;

  void say_hello();
  void restart();
  void lead(PartitionId partition, Term term);
  void lead_nothing();
  /// Sends the map that it holds.
  void offer_map();
  void hold(const ClusterMap& held);

  /// The oldest request, which must be there.
  WorkerRequest take();
  void answer(const WorkerRequest& request, Outcome outcome, Frame body = {}, WorkerId leader = {}, Term term = {},
              LogIndex applied = {});
  /// kDone with an OK reply frame for the request's id.
  void answer_ok(const WorkerRequest& request, const std::string& packed_result, LogIndex applied = {});
  void answer_error(const WorkerRequest& request, Code code, const std::string& message);
  void confirm(const LeadershipQuestion& wanted);
  void tell(const RecoveryTold& told);
  void tell(const RecoveryWritten& written);
  void receive(const Frames& bundle);
  /// What it has to say of the marks that reached it (protocol/cluster/bulk.hpp), unless it is dead.
  Frames reached();

 private:
  void on_item(const BundleItem& item);
  void on_map(const ClusterMap& offered);

  Harness& harness_;
  BulkRoom room_;
  std::optional<BulkLink> bulk_{std::in_place, 1, room_};
  BundleWriter reached_;
  int lives_ = 1;
};

struct HarnessOptions {
  std::size_t workers = 3;
  std::uint32_t k = 2;
  std::uint32_t partitions = 4;
  bool with_server_file = false;
  BrokerLimits limits{};
  SlowSettings slow{};
  std::uint64_t seed = 1;
};

class Harness final : public BrokerOutput {
 public:
  explicit Harness(HarnessOptions options = {});

  void to_client(const ClientAddress& client, Frame reply) override;
  bool to_worker(const BackendAddress& worker, Frames bundle) override;
  void log(LogLevel level, std::string_view event, const LogSubject& subject) override;

  /// Makes the map, lets all workers hold it and leads each partition by its preferred leader; beyond the warm-up.
  void make_cluster();
  /// The same without the rest of the warm-up: 150 ms.
  void join();
  /// Lets time pass in steps of 10 ms; live workers say hello each 100 ms.
  void pass(milliseconds time);
  /// One turn of the loop.
  void turn();

  /// Sends a request; returns its id.
  std::uint64_t send(Command command, const std::string& packed_arguments, Options options = {},
                     const std::string& client = "client");
  void send_raw(std::vector<std::string> frames, const std::string& client = "client");
  void from_worker(const FakeWorker& worker, BundleWriter& bundle);

  /// The replies to a client so far, in order.
  std::vector<Received>& replies(const std::string& client = "client") { return replies_[client]; }
  /// The one reply there is, taken.
  Received reply(const std::string& client = "client");

  FakeWorker& worker(std::size_t index) { return *workers_.at(index); }
  FakeWorker& worker(WorkerId id);
  FakeWorker& leader_of(std::string_view key) { return worker(map.placement(partition(key)).preferred_leader); }
  PartitionId partition(std::string_view key) const { return partition_of(key, map.partition_count()); }
  /// A key that lies in this partition.
  std::string key_in(PartitionId partition) const;
  /// A worker of its own making, not yet connected.
  FakeWorker& add_worker(WorkerId id, const std::string& address);
  /// All requests that wait at any worker.
  std::size_t requests_waiting() const;

  HarnessOptions options;
  TimePoint now{std::chrono::seconds(1000)};
  ClusterMap map;
  std::unique_ptr<Broker> broker;
  std::vector<std::string> events;
  std::vector<LogSubject> subjects;  ///< The events' subjects.
  bool backend_takes = true;         ///< What to_worker says.

 private:
  /// Live workers that were asked whether they live say so.
  void report_reached();
  void answer_challenges();
  /// Live workers that were asked to confirm do, those that still want to.
  void answer_leadership_questions();

  std::vector<std::unique_ptr<FakeWorker>> workers_;
  std::map<std::string, std::vector<Received>> replies_;
  std::uint64_t next_id_ = 1;
  milliseconds since_beat_{0};
};

std::string packed_key(std::string_view key);  ///< Arguments of a command on a key alone: [key].

}  // namespace trellis::test
