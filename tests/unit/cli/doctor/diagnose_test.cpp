// The doctor on made-up clusters: a healthy one, and each trouble by itself.
#include "cli/doctor/diagnose.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/doctor/metrics_reader.hpp"
#include "cli/doctor/observe.hpp"
#include "protocol/cluster/cluster_map.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

MemberReport member(int number) {
  MemberReport result;
  result.id = "w" + std::to_string(number);
  result.address = "10.0.0.1:900" + std::to_string(number);
  result.state = "up";
  result.last_heartbeat_ms = 50;
  result.partitions = 4;
  result.leads = 1;
  result.zone = "rack-" + std::to_string(number);
  result.level = 1;
  result.load.requests = 1'000;
  result.load.request_us = 1'000'000;
  return result;
}

BrokerView broker(int number) {
  BrokerView result;
  result.endpoint = "10.0.0.1:740" + std::to_string(number);
  result.status = {"c", 2, 3, 1, 4, 4, 3, 3, true, 2, 1, 1, 0, 3, 0, "0.2.0"};
  for (int i = 1; i <= 3; ++i) result.members.push_back(member(i));
  return result;
}

Observation healthy() {
  Observation seen;
  seen.brokers = {broker(0), broker(1)};
  for (std::uint64_t i = 0; i < 4; ++i) seen.partitions.push_back({i, {"w1", "w2", "w3"}, "w1", {}});
  seen.processes = {{"10.0.0.1:9100", "", {{"process_open_fds", 50}, {"process_max_fds", 1024}}}};
  return seen;
}

void take_down(Observation& seen, std::size_t worker) {
  for (BrokerView& each : seen.brokers) {
    each.members[worker].state = "down";
    each.members[worker].last_heartbeat_ms = 12'345;
  }
}

/// The lines of what is found.
std::vector<std::string> lines_of(const Observation& seen) {
  std::vector<std::string> lines;
  for (const Finding& finding : diagnose(seen)) lines.push_back(to_text({finding}));
  return lines;
}

TEST(Doctor, SaysNothingOfAHealthyCluster) {
  EXPECT_THAT(lines_of(healthy()), IsEmpty());
  EXPECT_EQ(exit_code_of(diagnose(healthy())), 0);
  EXPECT_EQ(to_text({}), "");
  EXPECT_EQ(to_json({}), "[]\n");
}

TEST(Doctor, TellsWhatWhereSinceWhenAndWhatToDo) {
  Observation seen = healthy();
  take_down(seen, 1);
  const auto findings = diagnose(seen);
  EXPECT_EQ(exit_code_of(findings), 1);
  EXPECT_FALSE(any_settles(findings));
  EXPECT_EQ(to_text(findings),
            "WARNING worker 10.0.0.1:9002: it is down; 1 of 3 are, and 1 may be (for 12.3 s). Start it again with its "
            "--data and -p; its log says why it ended.\n"
            "WARNING partitions 0, 1, 2, 3: 2 of 3 replicas are up. Start the workers again that are down.\n");
  EXPECT_THAT(to_json(findings), HasSubstr("{\"severity\":\"warning\",\"where\":\"worker 10.0.0.1:9002\",\"what\":\"it "
                                           "is down; 1 of 3 are, and 1 may be\",\"since_ms\":12345,\"remedy\":"));
}

TEST(Doctor, MoreWorkersDownThanMayBeAreAFault) {
  Observation seen = healthy();
  take_down(seen, 1);
  take_down(seen, 2);
  for (LocationReport& partition : seen.partitions) partition.leader.reset();
  EXPECT_THAT(lines_of(seen),
              ElementsAre(HasSubstr("FAULT worker 10.0.0.1:9002"), HasSubstr("FAULT worker 10.0.0.1:9003"),
                          "FAULT partitions 0, 1, 2, 3: 1 of 3 replicas are up, which is no majority: nothing can be "
                          "written. Start the workers again that are down; where their disks are lost for good, "
                          "`trellis recover` brings back what is left.\n"));
  EXPECT_EQ(exit_code_of(diagnose(seen)), 2);
}

TEST(Doctor, FaultsStandInFrontOfWarnings) {
  const std::vector<Finding> findings = {{Severity::kWarning, "a", "b", {}, "c"},
                                         {Severity::kFault, "d", "e", {}, "f"}};
  EXPECT_EQ(to_text(findings), "FAULT d: e. f.\nWARNING a: b. c.\n");
}

TEST(Doctor, APartitionWithAReplicaLessThanItShouldHaveIsAWarning) {
  Observation seen = healthy();
  seen.partitions[2].replicas.pop_back();
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("WARNING partition 2: 2 of 3 replicas are up. The others are on "
                                                    "their way: `trellis moves`")));
  take_down(seen, 1);
  EXPECT_THAT(lines_of(seen), testing::Contains(HasSubstr("FAULT partition 2: 1 of 3 replicas are up, which is no")))
      << "One of two is no majority.";
}

TEST(Doctor, ReplicasInFewerZonesThanThereAreAreAWarning) {
  Observation seen = healthy();
  for (BrokerView& each : seen.brokers) each.members[1].zone = "rack-1";
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("WARNING partitions 0, 1, 2, 3: the replicas stand in 2 of 3 "
                                                    "zones, so less may fail than should")));
}

TEST(Doctor, TwoZonesForThreeReplicasAreAWarningAndOneZoneIsNone) {
  Observation seen = healthy();
  for (BrokerView& each : seen.brokers) each.members[1].zone = "rack-1";
  for (BrokerView& each : seen.brokers) each.status.zones = 2;
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("WARNING cluster: its workers stand in 2 zones, and a partition "
                                                    "has 3 replicas: the loss of one zone can stop partitions")));
  for (BrokerView& each : seen.brokers) each.status.zones = 1;
  EXPECT_THAT(lines_of(seen), IsEmpty()) << "All stand on one machine, and nobody said that they should not.";
}

TEST(Doctor, FewerWorkersThanKTakesAreAWarning) {
  Observation seen = healthy();
  for (BrokerView& each : seen.brokers) {
    each.members.pop_back();
    each.status.workers = each.status.workers_up = each.status.replicas = each.status.zones = 2;
    each.status.tolerates = 0;
  }
  for (LocationReport& partition : seen.partitions) partition.replicas.pop_back();
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("WARNING cluster: k=2 takes 3 workers, and there are 2: 0 may be "
                                                    "down instead of 1. Add a worker")));
}

TEST(Doctor, AWorkerThatKnowsLessThanTheOthersIsAWarning) {
  Observation seen = healthy();
  for (BrokerView& each : seen.brokers) each.members[0].level = each.members[2].level = 2;
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("WARNING cluster: its level is 1, and some of its workers know 2, "
                                                    "but not 10.0.0.1:9002. Start those with the newer version")));
  for (BrokerView& each : seen.brokers) each.members[1].level = 2;
  EXPECT_THAT(lines_of(seen), IsEmpty()) << "It is raised within moments.";
  for (BrokerView& each : seen.brokers) each.status.level = 2;
  EXPECT_THAT(lines_of(seen), IsEmpty());
}

TEST(Doctor, APartitionWithoutALeaderIsAFault) {
  Observation seen = healthy();
  seen.partitions[2].leader.reset();
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("FAULT partition 2: no leader is known")));
}

TEST(Doctor, ManyPartitionsAreNamedInPart) {
  Observation seen = healthy();
  seen.partitions.clear();
  for (std::uint64_t i = 0; i < 20; ++i) seen.partitions.push_back({i, {"w1", "w2", "w3"}, std::nullopt, {}});
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("partitions 0, 1, 2, 3, 4, 5, 6, 7 and 12 more: no leader")));
}

TEST(Doctor, ASuspectWorkerIsAWarning) {
  Observation seen = healthy();
  seen.brokers[0].members[0].state = "suspect";
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("WARNING worker 10.0.0.1:9001: nothing was heard of it (for 0.1")));
}

TEST(Doctor, AWorkerThatLeadsMoreThanItsShareIsAWarningWhereAllAreUp) {
  Observation seen = healthy();
  for (BrokerView& each : seen.brokers) each.members[0].leads = 3;
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("it leads 3 of 4 partitions, and its share is 2 at most")));
  EXPECT_TRUE(any_settles(diagnose(seen)));
  take_down(seen, 1);
  for (const std::string& line : lines_of(seen)) EXPECT_THAT(line, testing::Not(HasSubstr("share")));
}

TEST(Doctor, AWorkerThatIsBehindIsAWarning) {
  Observation seen = healthy();
  seen.brokers[0].members[2].load.lag_entries = 77;
  seen.brokers[0].members[2].load.lag_ms = 999;
  EXPECT_THAT(lines_of(seen), IsEmpty()) << "It keeps up.";
  seen.brokers[0].members[2].load.lag_ms = 4'000;
  EXPECT_THAT(lines_of(seen),
              ElementsAre(HasSubstr("9003: its replicas are 77 entries behind their leaders (for 4.0 s")));
}

TEST(Doctor, AWorkerThatIsSlowerThanTheOthersIsAWarning) {
  Observation seen = healthy();
  seen.brokers[0].members[1].load.request_us = 4'900'000;
  EXPECT_THAT(lines_of(seen), IsEmpty());
  seen.brokers[0].members[1].load.request_us = 5'000'000;
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("9002: its requests have taken 5.0 ms since its start, and the "
                                                    "others' 1.0 ms")));
  for (MemberReport& each : seen.brokers[0].members) each.load.request_us = 5'000'000;
  EXPECT_THAT(lines_of(seen), IsEmpty()) << "All are alike.";
}

TEST(Doctor, WhatRequestsTakeNowCountsMoreThanWhatTheyTookOnce) {
  Observation seen = healthy();
  BrokerView& first = seen.brokers[0];
  first.members_before = first.members;
  const auto answers = [](MemberReport& worker, std::uint64_t requests, std::uint64_t microseconds) {
    *worker.load.requests += requests;
    *worker.load.request_us += microseconds;
  };
  for (MemberReport& each : first.members) answers(each, 20, 20'000);
  EXPECT_THAT(lines_of(seen), IsEmpty());
  answers(first.members[1], 10, 180'000);  // 30 in 200 ms; of all 1,030 since its start one took 1.2 ms.
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("9002: its requests take 6.7 ms, and the others' 1.0 ms")));
  for (MemberReport& each : first.members_before) *each.load.requests += 2;
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("9002: its requests take 7.1 ms"))) << "The others' are too few.";
}

TEST(Doctor, AMoveThatWaitsForSomebodyIsAWarningAndOneOnItsWayIsNone) {
  Observation seen = healthy();
  MoveReport move;
  move.partition = 2;
  move.to = "10.0.0.1:9004";
  move.step = "sending";
  seen.moves = {move};
  EXPECT_THAT(lines_of(seen), IsEmpty());
  move.note = "10.0.0.1:9004 is down: start it, or remove it";
  seen.moves.push_back(move);
  move.partition = 3;
  seen.moves.push_back(move);
  EXPECT_THAT(
      lines_of(seen),
      ElementsAre("WARNING partitions 2, 3: replicas wait on their way to another worker: 10.0.0.1:9004 is down: "
                  "start it, or remove it. `trellis moves` shows how far each is.\n"));
}

TEST(Doctor, ABrokerThatDoesNotAnswerIsAWarningBesideOneThatDoes) {
  Observation seen = healthy();
  seen.brokers[0].problem = "no broker listens";
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("WARNING broker 10.0.0.1:7400: it does not answer: no broker")));
  seen.brokers[1].problem = "no broker listens";
  seen.partitions.clear();
  EXPECT_THAT(lines_of(seen),
              ElementsAre(HasSubstr("FAULT broker 10.0.0.1:7400"), HasSubstr("FAULT broker 10.0.0.1:7401")));
}

TEST(Doctor, BrokersOfTwoClustersAreAFault) {
  Observation seen = healthy();
  seen.brokers[1].status.cluster = "d";
  EXPECT_THAT(lines_of(seen),
              ElementsAre(HasSubstr("FAULT broker 10.0.0.1:7401: it serves cluster d, k=2, 4 partitions, "
                                    "and broker 10.0.0.1:7400 serves cluster c")));
}

TEST(Doctor, BrokersThatHearDifferentWorkersAreAWarning) {
  Observation seen = healthy();
  seen.brokers[1].members[2].state = "down";
  EXPECT_THAT(lines_of(seen),
              ElementsAre(HasSubstr("WARNING broker 10.0.0.1:7401: it does not hear worker 10.0.0.1:9003, "
                                    "which broker 10.0.0.1:7400 hears")));
  seen.brokers[1].members[2].state = "suspect";
  EXPECT_THAT(lines_of(seen), IsEmpty()) << "They looked at different moments.";
}

TEST(Doctor, BrokersOfTwoVersionsAreAWarning) {
  Observation seen = healthy();
  seen.brokers[1].status.version = "0.3.0";
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("it runs version 0.3.0, and broker 10.0.0.1:7400 version 0.2.0")));
}

TEST(Doctor, AClusterThatIsNotFormedIsAFaultAndNoMoreIsSaid) {
  Observation seen = healthy();
  for (BrokerView& each : seen.brokers) each.status = {};
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("FAULT cluster: it is not formed")));
}

TEST(Doctor, MetricsTellOfDisksSyncsAndFiles) {
  Observation seen = healthy();
  MetricValues& metrics = seen.processes[0].metrics;
  metrics["trellis_worker_log_sync_duration_seconds_sum"] = 1.9;
  metrics["trellis_worker_log_sync_duration_seconds_count"] = 100;
  metrics["trellis_worker_disk_free_bytes"] = 11e9;
  metrics["trellis_worker_disk_size_bytes"] = 100e9;
  EXPECT_THAT(lines_of(seen), IsEmpty());
  metrics["trellis_worker_log_sync_duration_seconds_sum"] = 3.0;
  metrics["trellis_worker_disk_free_bytes"] = 9e9;
  metrics["process_open_fds"] = 1'000;
  EXPECT_THAT(
      lines_of(seen),
      ElementsAre(HasSubstr("WARNING process at 10.0.0.1:9100: a sync of its log has taken 30 ms since its start"),
                  HasSubstr("WARNING process at 10.0.0.1:9100: the disk of its --data has 9.0 GB"),
                  HasSubstr("1000 files are open, of 1024 that may be")));
  metrics["trellis_worker_disk_free_bytes"] = 1e9;
  EXPECT_EQ(exit_code_of(diagnose(seen)), 2);
}

TEST(Doctor, ADiskIsToldByHowLongItLasts) {
  Observation seen = healthy();
  MetricValues& metrics = seen.processes[0].metrics;
  metrics["trellis_worker_disk_free_bytes"] = 50e9;
  metrics["trellis_worker_disk_size_bytes"] = 100e9;
  metrics["trellis_worker_disk_full_in_seconds"] = 24 * 3'600;
  EXPECT_THAT(lines_of(seen), IsEmpty());
  metrics["trellis_worker_disk_full_in_seconds"] = 10 * 3'600;
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr(
                                  "WARNING process at 10.0.0.1:9100: the disk of its --data has 50.0 GB left of 100.0 "
                                  "GB, and is full in 10.0 hours at the present rate, 1.4 MB/s. Make room")));
  metrics["trellis_worker_disk_full_in_seconds"] = 3'599;
  EXPECT_THAT(lines_of(seen),
              ElementsAre(HasSubstr("FAULT process at 10.0.0.1:9100: the disk of its --data has 50.0")));
  metrics = parse_metrics(
      "trellis_worker_disk_free_bytes 5e10\ntrellis_worker_disk_size_bytes 1e11\n"
      "trellis_worker_disk_full_in_seconds +Inf\n");
  EXPECT_THAT(lines_of(seen), IsEmpty()) << "Nothing grows.";
}

TEST(Doctor, WhatASyncTakesNowCountsMoreThanWhatItTookOnce) {
  Observation seen = healthy();
  ProcessView& worker = seen.processes[0];
  worker.metrics_before["trellis_worker_log_sync_duration_seconds_sum"] = 10;
  worker.metrics_before["trellis_worker_log_sync_duration_seconds_count"] = 10'000;
  worker.metrics["trellis_worker_log_sync_duration_seconds_sum"] = 10.4;
  worker.metrics["trellis_worker_log_sync_duration_seconds_count"] = 10'005;
  EXPECT_THAT(lines_of(seen), ElementsAre(HasSubstr("a sync of its log takes 80 ms, on average")));
  worker.metrics["trellis_worker_log_sync_duration_seconds_count"] = 10'004;
  EXPECT_THAT(lines_of(seen), IsEmpty()) << "Four of them say little.";
}

TEST(Doctor, ProcessesOfTwoVersionsAreAWarning) {
  Observation seen = healthy();
  seen.processes.push_back(seen.processes[0]);
  seen.processes[1].endpoint = "10.0.0.1:9101";
  for (ProcessView& each : seen.processes) each.metrics["trellis_build_info{version=\"0.2.0\"}"] = 1;
  EXPECT_THAT(lines_of(seen), IsEmpty());
  seen.processes[1].metrics = {{"trellis_build_info{version=\"0.3.0\"}", 1}};
  EXPECT_THAT(lines_of(seen),
              ElementsAre("WARNING cluster: version 0.2.0 runs at 10.0.0.1:9100, and version 0.3.0 runs at "
                          "10.0.0.1:9101. Bring all to one version (docs/upgrade.md).\n"));
}

TEST(Doctor, ReadsMetricsAsTheyAreServed) {
  const MetricValues values = parse_metrics(
      "# HELP a_b Words 7.\n# TYPE a_b gauge\na_b 12.5\n\nc{x=\"1 2\",y=\"z\"} 3e2\nd +Inf?\nnothing\ne 7");
  EXPECT_THAT(values,
              ElementsAre(std::pair("a_b", 12.5), std::pair("c{x=\"1 2\",y=\"z\"}", 300.0), std::pair("e", 7.0)));
}

TEST(Doctor, KnowsAKeyOfEachPartition) {
  const auto keys = key_of_each_partition(64);
  ASSERT_EQ(keys.size(), 64u);
  for (std::uint32_t i = 0; i < 64; ++i) EXPECT_EQ(partition_of(keys[i], 64).value, i);
}

}  // namespace
}  // namespace trellis
