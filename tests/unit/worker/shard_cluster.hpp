// Shards that talk to each other over a network without faults, with a scripted broker.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

#include "protocol/access/access_messages.hpp"
#include "protocol/command.hpp"
#include "protocol/packed.hpp"
#include "protocol/reply.hpp"
#include "tests/support/memory_log_store.hpp"
#include "tests/unit/worker/memory_snapshot_store.hpp"
#include "worker/shard.hpp"

namespace trellis::test {

using std::chrono::milliseconds;

/// Runs at the next run_finished().
class NextTurnBackground final : public Background {
 public:
  void run(std::function<void()> work, std::function<void()> done) override {
    jobs_.push_back({std::move(work), std::move(done)});
  }
  void run_finished() override {
    std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs;
    jobs.swap(jobs_);
    for (auto& [work, done] : jobs) {
      work();
      work = nullptr;
      done();
    }
  }

 private:
  std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs_;
};

class Cluster;

/// One worker: what survives a crash (disk), and what does not (shard).
struct Worker final : ShardOutput {
  Worker(Cluster& owner, std::size_t number) : cluster(owner), index(number) {}
  void to_broker(BrokerIndex, Frames message) override;
  void to_peer(WorkerId peer, const std::string& address, Frames message) override;
  void report(LogLevel, std::string event, std::optional<PartitionId>) override { events.push_back(std::move(event)); }
  /// The broker's part, of one message and of one item.
  void on_read(const Frames& message);
  void on_item(const BundleItem& item);

  Cluster& cluster;
  std::size_t index;
  MemoryLogStore store;
  MemorySnapshotStore snapshots;
  NextTurnBackground background;
  std::unique_ptr<Shard> shard;
  std::deque<Frames> from_peers;
  std::deque<Frames> from_broker;
  std::vector<std::string> events;
  std::size_t largest_to_peer = 0;       ///< Bytes of one message.
  std::uint64_t access_version = 0;      ///< The version of the users and roles that it tells of,
  std::optional<AccessRecords> offered;  ///< and those that it offered last.
  std::optional<ClusterMap> offered_map;
  std::optional<RecoveryTold> told;        ///< What it said last of a recovery,
  std::optional<RecoveryWritten> written;  ///< and that it has written down its plan.
  Hello hello;
  bool is_heard_by_broker = false;  ///< Its hellos are answered with a welcome.
  RoundTrip to_broker_and_back{TimePoint()};
  bool is_read_by_broker = true;  ///< Else what it says waits.
  std::vector<Frames> unread;
  BulkRoom room;
  std::optional<BulkLink> bulk{std::in_place, 1, room};  ///< The broker's side.
};

class Cluster {
 public:
  explicit Cluster(std::size_t workers, std::uint32_t partitions = 2, std::uint64_t snapshot_log_bytes = 64 << 20)
      : partitions_(partitions), snapshot_log_bytes_(snapshot_log_bytes), random_(7) {
    for (std::size_t i = 0; i < workers; ++i) workers_.push_back(std::make_unique<Worker>(*this, i));
    for (std::size_t i = 0; i < workers; ++i) start(i);
  }

  Worker& worker(std::size_t index) { return *workers_[index]; }
  std::size_t size() const { return workers_.size(); }

  std::string address(std::size_t index) const { return "127.0.0.1:" + std::to_string(9001 + index); }

  void start(std::size_t index) {
    Worker& w = worker(index);
    ShardSettings settings;
    settings.address = address(index);
    settings.slow = slow;
    settings.first_access = first_access;
    settings.replica.snapshot_log_bytes = snapshot_log_bytes_;
    settings.replica.tail_bytes = std::min<std::uint64_t>(snapshot_log_bytes_ / 4, 8 << 20);
    auto shard = Shard::open(
        settings, w.store, w.snapshots, w.background, w, [this] { return random_(); }, now_);
    ASSERT_TRUE(shard) << shard.error().message;
    w.shard = std::move(*shard);
  }

  void crash(std::size_t index) {
    Worker& w = worker(index);
    w.shard.reset();
    w.background = {};
    w.store.crash();
    w.from_peers.clear();
    w.from_broker.clear();
    w.hello = {};
    w.to_broker_and_back = RoundTrip(now_);
    w.bulk.emplace(1, w.room);
  }

  void step() {
    now_ += milliseconds(5);
    deliver_what_is_due();
    for (auto& w : workers_) {
      if (!w->shard) continue;
      w->shard->begin_turn(now_);
      for (std::deque<Frames>* inbox : {&w->from_broker, &w->from_peers}) {
        std::deque<Frames> messages;
        messages.swap(*inbox);
        for (const Frames& frames : messages) {
          inbox == &w->from_broker ? w->shard->on_broker_message(0, frames) : w->shard->on_peer_message(frames);
        }
      }
      w->shard->end_turn();
      w->shard->report_slow(now_ + milliseconds(2));  // So long has the turn taken.
      ASSERT_FALSE(w->shard->failure()) << *w->shard->failure();
    }
  }

  bool run_until(const std::function<bool()>& holds, milliseconds within = milliseconds(10'000)) {
    for (const TimePoint end = now_ + within; now_ < end; step()) {
      if (holds()) return true;
    }
    return holds();
  }

  /// Plays the broker that makes the cluster.
  void form(std::uint32_t k = 2) {
    ASSERT_TRUE(run_until([this] { return every([](const Worker& w) { return w.hello.id.value != 0; }); }));
    Form form;
    form.spec.k = k;
    form.spec.partitions = partitions_;
    for (std::size_t i = 0; i < size(); ++i) form.spec.workers.push_back({worker(i).hello.id, address(i)});
    BundleWriter to_first;
    add(to_first, form);
    worker(0).from_broker.push_back(to_first.take());
    ASSERT_TRUE(run_until([this] { return worker(0).hello.map_version == 1; }));
    spread_map();
    ASSERT_TRUE(run_until([this] { return every([](const Worker& w) { return w.hello.map_version == 1; }); }));
    BundleWriter all_hold;
    add(all_hold, AllHold{worker(0).hello.cluster, 1});
    worker(0).from_broker.push_back(all_hold.take());
    ASSERT_TRUE(run_until([this] { return worker(0).hello.formed; }));
    spread_map();
    ASSERT_TRUE(run_until([this] { return every([](const Worker& w) { return w.hello.formed; }); }));
  }

  void spread_map() {
    for (std::size_t i = 1; i < size(); ++i) {
      BundleWriter offer;
      add_map_offer(offer, *worker(0).shard->membership().map());
      worker(i).from_broker.push_back(offer.take());
    }
  }

  /// What is on its way between workers arrives after `latency`, in order.
  void carry(Worker& to, Frames message) {
    if (latency == Duration::zero()) return to.from_peers.push_back(std::move(message));
    on_the_way_.push_back({now_ + latency, &to, std::move(message)});
  }

  void welcome(Worker& to) {
    BundleWriter out;
    add(out, Welcome{{1}, to.to_broker_and_back.stamps(now_)});
    to.from_broker.push_back(out.take());
  }

  milliseconds patience() const { return milliseconds(1'000) + std::chrono::ceil<milliseconds>(4 * latency); }

  std::size_t led_by(std::size_t index) const {
    std::size_t led = 0;
    if (!workers_[index]->shard) return led;
    for (const auto& [id, partition] : workers_[index]->shard->partitions()) led += partition->replica().is_ready();
    return led;
  }

  TimePoint now() const { return now_; }

  bool every(const std::function<bool(const Worker&)>& holds) const {
    return std::all_of(workers_.begin(), workers_.end(), [&](const auto& w) { return !w->shard || holds(*w); });
  }

  std::optional<std::size_t> leader(PartitionId partition) const {
    for (std::size_t i = 0; i < size(); ++i) {
      if (!workers_[i]->shard) continue;
      const auto& partitions = workers_[i]->shard->partitions();
      const auto at = partitions.find(partition);
      if (at != partitions.end() && at->second->replica().is_ready()) return i;
    }
    return std::nullopt;
  }

  /// Sends a command until it is done, as a broker would, and returns the reply.
  std::string call(Command command, const std::string& key, const std::string& arguments, std::uint64_t seq = 0) {
    const PartitionId partition = partition_of(key, partitions_);
    std::optional<WorkerReply> done;
    const bool finished = run_until([&] {
      if (done) return true;
      const auto at = leader(partition);
      if (!at) return false;
      WorkerRequest request;
      request.tag = ++tag_;
      request.partition = partition;
      request.timeout_ms = 5000;
      if (is_write(command)) {
        request.session = "session";
        request.seq = seq != 0 ? seq : ++seq_;
      }
      request.id = 77;
      request.command = command;
      request.body = Frame(arguments);
      BundleWriter out;
      add(out, request);
      worker(*at).from_broker.push_back(out.take());
      if (!run_until([&] { return replies_.contains(tag_); }, patience())) return false;
      if (replies_[tag_].outcome == Outcome::kDone) done = replies_[tag_];
      return done.has_value();
    });
    EXPECT_TRUE(finished);
    return done ? std::string(done->body.bytes()) : "";
  }

  /// A command about the cluster, to the leader of partition 0: the reply, or nothing where it did not come.
  /// @param seq  0: the next one
  std::string ask_keeper(Command command, const std::string& arguments, std::uint64_t seq = 0) {
    const auto at = leader(PartitionId{0});
    if (!at) return "";
    WorkerRequest request;
    request.tag = ++tag_;
    request.kind = RequestKind::kCluster;
    request.timeout_ms = 5000;
    request.session = "session";
    request.seq = seq != 0 ? seq : ++seq_;
    request.body = Frame(pack_request(77, command, arguments, {}));
    BundleWriter out;
    add(out, request);
    worker(*at).from_broker.push_back(out.take());
    if (!run_until([&] { return replies_.contains(tag_); })) return "";
    return std::string(replies_[tag_].body.bytes());
  }

  std::string put(const std::string& key, const std::string& value, std::uint64_t seq = 0) {
    std::string arguments;
    PackedWriter(arguments).array(2).str(key).str(value);
    return call(Command::kPut, key, arguments, seq);
  }
  std::string get(const std::string& key) {
    std::string arguments;
    PackedWriter(arguments).array(1).str(key);
    const std::string frame = call(Command::kGet, key, arguments);
    const auto reply = read_reply(frame);
    if (!reply) return "no reply";
    if (reply->status != Code::kOk) return std::string(name_of(reply->status));
    return std::string(PackedReader(reply->result).read_str().value_or("no str"));
  }

  Duration latency{};                 ///< Between workers, one way.
  std::set<std::size_t> cut_off;      ///< From their peers, both ways.
  static inline SlowSettings slow{};  ///< What the workers get that are started, as the next.
  static inline std::optional<AccessRecords> first_access{};
  std::map<std::uint64_t, WorkerReply> replies_;
  std::vector<LeadershipAnswer> leadership_checks_;
  std::vector<std::size_t> asked_;  ///< Workers that were asked for a confirmation, in order.

 private:
  struct OnTheWay {
    TimePoint arrives;
    Worker* to;
    Frames message;
  };
  void deliver_what_is_due() {
    for (; !on_the_way_.empty() && on_the_way_.front().arrives <= now_; on_the_way_.pop_front()) {
      OnTheWay& first = on_the_way_.front();
      if (first.to->shard) first.to->from_peers.push_back(std::move(first.message));
    }
  }

  std::deque<OnTheWay> on_the_way_;
  std::uint32_t partitions_;
  std::uint64_t snapshot_log_bytes_;
  std::mt19937_64 random_;
  TimePoint now_{std::chrono::seconds(100)};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::uint64_t tag_ = 0;
  std::uint64_t seq_ = 1000;
};

inline void Worker::to_broker(BrokerIndex, Frames message) {
  unread.push_back(std::move(message));
  if (!is_read_by_broker) return;
  std::vector<Frames> messages;
  messages.swap(unread);
  for (const Frames& each : messages) on_read(each);
}

inline void Worker::on_read(const Frames& message) {
  BundleReader reader(message);
  BundleWriter answer;
  while (const auto item = reader.next()) {
    if (!bulk::is_bulk_type(item->type)) {
      on_item(*item);
      continue;
    }
    const auto whole = bulk->on_item(*item, answer, cluster.now());
    ASSERT_TRUE(whole) << whole.error().message;
    if (*whole) on_item((*whole)->item());
  }
  if (!answer.empty()) from_broker.push_back(answer.take());
}

inline void Worker::on_item(const BundleItem& item) {
  if (static_cast<MessageType>(item.type) == MessageType::kHello) {
    hello = *read_hello(item);
    to_broker_and_back.on_stamps(hello.stamps, cluster.now());
    if (is_heard_by_broker) cluster.welcome(*this);
  }
  if (static_cast<MessageType>(item.type) == MessageType::kReply) {
    const auto reply = read_worker_reply(item);
    cluster.replies_[reply->tag] = *reply;
  }
  if (static_cast<MessageType>(item.type) == MessageType::kAccessNews) {
    access_version = read_access_version(item.header).operator*();
  }
  if (static_cast<MessageType>(item.type) == MessageType::kAccessOffer) {
    offered = read_access_records(item.header).operator*();
  }
  if (static_cast<MessageType>(item.type) == MessageType::kMapOffer) offered_map = *read_map_offer(item);
  if (static_cast<MessageType>(item.type) == MessageType::kRecoveryTold) told = *read_recovery_told(item);
  if (static_cast<MessageType>(item.type) == MessageType::kRecoveryWritten) written = *read_recovery_written(item);
  if (static_cast<MessageType>(item.type) == MessageType::kLeadershipAnswer)
    cluster.leadership_checks_.push_back(*read_leadership_answer(item));
}

inline void Worker::to_peer(WorkerId, const std::string& address, Frames message) {
  std::size_t size = 0;
  for (const Frame& frame : message) size += frame.size();
  largest_to_peer = std::max(largest_to_peer, size);
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    Worker& peer = cluster.worker(i);
    if (cluster.address(i) != address) continue;
    BundleReader reader(message);
    while (const auto item = reader.next()) {
      if (static_cast<PeerMessageType>(item->type) == PeerMessageType::kQuestion) cluster.asked_.push_back(i);
    }
    const bool is_cut = cluster.cut_off.contains(i) || cluster.cut_off.contains(index);
    if (peer.shard && !is_cut) cluster.carry(peer, std::move(message));
  }
}

}  // namespace trellis::test
