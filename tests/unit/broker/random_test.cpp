// Workers that lose, hold back, repeat and refuse at random, fall silent and start again: whatever they do, each
// request is answered once, by its deadline, and no write takes effect twice.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "protocol/cluster/joint_reads.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

/// Answers are a beat of the test's clock late at most.
constexpr milliseconds kSlack{20};

class Chaos {
 public:
  explicit Chaos(std::uint32_t seed) : random_(seed), cluster_(options(seed)) {
    cluster_.make_cluster();
    for (std::uint32_t i = 0; i < cluster_.map.partition_count(); ++i) {
      leaders_.push_back(cluster_.map.partitions[i].preferred_leader);
    }
  }

  void run() {
    for (int step = 0; step < 1'500; ++step) {
      if (chance(60)) ask();
      if (chance(1)) change_leader();
      if (chance(1)) toggle_worker();
      serve();
      cluster_.pass(milliseconds(10));
      look_at_replies();
      if (::testing::Test::HasFailure()) return;
    }
    for (int step = 0; step < 300; ++step) {
      cluster_.pass(milliseconds(10));
      look_at_replies();
    }
    EXPECT_TRUE(asked_.empty()) << asked_.size() << " requests were never answered";
    EXPECT_EQ(cluster_.broker->requests_under_way(), 0u);
    EXPECT_GT(answered_ok_, 50u);
  }

 private:
  struct Asked {
    TimePoint deadline;
  };

  static HarnessOptions options(std::uint32_t seed) {
    HarnessOptions options;
    options.workers = 3 + seed % 3;
    options.k = 2;
    options.partitions = 4;
    options.seed = seed;
    return options;
  }
  bool chance(std::uint32_t percent) { return random_() % 100 < percent; }
  std::string random_key() { return "key" + std::to_string(random_() % 40); }

  void ask() {
    Options options;
    options.timeout = milliseconds(50 + random_() % 2'000);
    std::uint64_t id = 0;
    switch (random_() % 7) {
      case 0: id = cluster_.send(Command::kGet, packed_key(random_key()), options); break;
      case 1: id = cluster_.send(Command::kCount, packed_array({}), options); break;
      case 2: id = cluster_.send(Command::kKeys, packed_array({}), options); break;
      case 3: id = cluster_.send(Command::kBatch, batch(), options); break;
      case 4:
        options.stale = true;
        id = cluster_.send(Command::kHas, packed_key(random_key()), options);
        break;
      default: id = cluster_.send(Command::kPut, packed_array({packed_str(random_key()), packed_uint(1)}), options);
    }
    asked_[id].deadline = cluster_.now + options.timeout;
  }

  std::string batch() {
    std::vector<std::string> items;
    const bool only_reads = chance(50);
    for (std::uint32_t i = random_() % 6; i > 0; --i) {
      items.push_back(
          only_reads || chance(50)
              ? packed_array({packed_str("GET"), packed_key(random_key())})
              : packed_array({packed_str("PUT"), packed_array({packed_str(random_key()), packed_uint(2)})}));
    }
    return packed_array({packed_array(items)});
  }

  FakeWorker& any_worker() { return cluster_.worker(random_() % cluster_.options.workers); }

  void change_leader() {
    const PartitionId partition{static_cast<std::uint32_t>(random_() % leaders_.size())};
    const auto& replicas = cluster_.map.placement(partition).replicas;
    const WorkerId next = replicas[random_() % replicas.size()].worker;
    FakeWorker& before = cluster_.worker(leaders_[partition.value]);
    std::erase_if(before.hello.leads, [partition](const Leadership& lead) { return lead.partition == partition; });
    leaders_[partition.value] = next;
    ++term_;
    FakeWorker& leader = cluster_.worker(next);
    leader.hello.leads.push_back({partition, Term{term_}});
    if (leader.alive && chance(50)) leader.say_hello();
  }

  void toggle_worker() {
    FakeWorker& worker = any_worker();
    if (worker.alive) {
      worker.alive = false;
    } else {
      worker.alive = true;
      if (chance(50)) {
        const auto leads = worker.hello.leads;
        worker.restart();
        worker.hello.leads = leads;
      }
    }
  }

  void serve() {
    for (std::size_t i = 0; i < cluster_.options.workers; ++i) {
      FakeWorker& worker = cluster_.worker(i);
      for (std::size_t left = worker.requests.size(); left > 0; --left) {
        if (!worker.alive && chance(90)) continue;
        if (chance(40)) continue;  // Later.
        const WorkerRequest request = worker.take();
        if (chance(5)) continue;  // Lost.
        answer(worker, request);
      }
    }
  }

  void answer(FakeWorker& worker, const WorkerRequest& request) {
    const bool is_for_leader = request.mode == ReadMode::kLinearizable || request.mode == ReadMode::kChecked;
    if (is_for_leader && leaders_[request.partition.value] != worker.hello.id) {
      const WorkerId hint = chance(50) ? leaders_[request.partition.value] : any_worker().hello.id;
      return worker.answer(request, Outcome::kNotLeader, {}, hint, Term{chance(50) ? term_ : 1});
    }
    if (chance(10)) return worker.answer(request, Outcome::kBusy);
    if (chance(3)) return worker.answer(request, Outcome::kWrongPartition);
    if (!request.session.empty()) applied_.insert({request.session, request.seq});
    if (chance(10)) return worker.answer(request, Outcome::kUnknown);
    worker.confirms = chance(90);
    respond(worker, request);
    if (chance(5)) respond(worker, request);  // Twice.
  }

  void respond(FakeWorker& worker, const WorkerRequest& request) {
    if (request.kind != RequestKind::kCommand) {
      std::vector<std::string> outcomes;
      const bool is_joint = request.kind == RequestKind::kReads;
      const auto reads = is_joint ? *read_joint_reads(request.body.bytes()) : JointReads{};
      const auto items = *read_indexed_batch(is_joint ? reads.items : request.body.bytes());
      for (const BatchItem& item : items) {
        outcomes.push_back(packed_array({packed_uint(item.index), packed_str("OK"), packed_uint(1), "\x80"}));
      }
      // At times as an enemy would: too few terms.
      const std::size_t terms = chance(95) ? reads.parts.size() : reads.parts.size() - 1;
      const std::string head = is_joint ? pack_joint_terms(std::vector<JointTerm>(terms)) : "";
      return worker.answer(request, Outcome::kDone, Frame(head + packed_array(outcomes)));
    }
    const bool is_page = request.command == Command::kKeys;
    worker.answer_ok(
        request, is_page ? packed_array({packed_str("k" + std::to_string(request.partition.value))}) : packed_uint(1));
  }

  void look_at_replies() {
    for (const Received& reply : cluster_.replies()) {
      const auto asked = asked_.find(reply.id);
      ASSERT_NE(asked, asked_.end()) << "request " << reply.id << " was answered twice";
      ASSERT_LE(cluster_.now, asked->second.deadline + kSlack) << "request " << reply.id << " was answered late";
      ASSERT_TRUE(reply.status == Code::kOk || reply.status == Code::kDeadlineExceeded ||
                  reply.status == Code::kUnavailable)
          << name_of(reply.status) << " " << reply.info.message;
      if (reply.status == Code::kOk) ++answered_ok_;
      asked_.erase(asked);
    }
    cluster_.replies().clear();
  }

  std::mt19937 random_;
  Harness cluster_;
  std::vector<WorkerId> leaders_;
  std::uint64_t term_ = 1;
  std::map<std::uint64_t, Asked> asked_;
  std::set<std::pair<std::string, std::uint64_t>> applied_;
  std::size_t answered_ok_ = 0;
};

TEST(Chaos, EachRequestIsAnsweredOnceByItsDeadline) {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace trellis::test
