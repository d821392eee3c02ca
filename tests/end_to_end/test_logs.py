"""The log: every line carries what it is about, in text and JSON, and slow requests tell where their time went."""
import json
import re

from support import EndToEndTest, main, wait_for
from support.gateway import Gateway

TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z"


class Logs(EndToEndTest):
    def start(self, *flags):
        self.cluster = self.start_cluster(workers=3, k=2, partitions=1, flags=flags)
        self.gateway = Gateway(self.cluster, *flags)
        self.addCleanup(self.gateway.stop)

    def lines(self, process):
        return [json.loads(line) for line in process.output().splitlines()]

    def slow_lines(self, process):
        return [line for line in self.lines(process) if line["message"].startswith("slow: PUT")]

    def put_while_both_followers_stand_still(self, key):
        """For longer than a slow request takes, and not so long that another leader is elected."""
        leader = self.cluster.leader_of(key)
        followers = [self.cluster.workers[number] for number in range(3) if number != leader]
        for follower in followers:
            follower.pause()
        connection = self.gateway.connection()
        try:
            connection.request("PUT", f"/v1/keys/{key}", "1")
            wait_for(lambda: sum(member["last_heartbeat_ms"] > 250 for member in self.cluster.members().values()) == 2,
                     "both followers to be silent", every=0.01)
        finally:
            for follower in followers:
                follower.resume()
        self.assertIn(connection.getresponse().status, (200, 201))
        connection.close()
        return leader

    def test_slow_requests_tell_where_their_time_went(self):
        self.start("--slow-ms", "150", "--log-format", "json")
        cluster_id = self.cluster.status()["cluster"]

        def told():
            leader = self.put_while_both_followers_stand_still("secret.key")
            lines = self.slow_lines(self.cluster.workers[leader])
            return lines and [leader, lines[-1]]
        leader, at_worker = wait_for(told, "the leader to tell of a slow request", 60)
        at_broker = wait_for(lambda: self.slow_lines(self.cluster.brokers[0]), "the broker to tell")[-1]
        at_gateway = wait_for(lambda: self.slow_lines(self.gateway.process), "the gateway to tell")[-1]

        worker_id = self.cluster.members()[leader]["id"]
        for line, component in ((at_worker, "worker"), (at_broker, "broker"), (at_gateway, "gateway")):
            self.assertEqual((line["level"], line["component"], line["cluster"]), ("warning", component, cluster_id))
            self.assertRegex(line["time"], TIME)
            self.assertNotIn("secret.key", line["message"])
        for line in (at_worker, at_broker):
            self.assertEqual((line["worker"], line["partition"]), (worker_id, 0))
        parts = self.parts(at_worker, r"took (\S+) ms .* (\S+) ms in the queue, (\S+) ms log sync and replication, (\S+) ms applying")
        self.assertAddsUp(parts)
        self.assertGreater(parts[2], 100)
        self.assertIn("trellis_worker_replication_lag_seconds", at_worker["message"])
        parts = self.parts(at_broker, r"took (\S+) ms .* (\S+) ms waited for a leader, (\S+) ms in earlier attempts \(\d+\), "
                                      r"(\S+) ms at the worker, (\S+) ms merging")
        self.assertAddsUp(parts)
        parts = self.parts(at_gateway, r"PUT /v1/keys/\{key\} from 127.0.0.1:\d+ took (\S+) ms .* (\S+) ms at the broker, "
                                       r"(\S+) ms in the gateway; the broker's log")
        self.assertAddsUp(parts)

    def test_slow_requests_name_their_key_where_keys_may_stand_in_the_log(self):
        self.start("--slow-ms", "1", "--log-format", "json", "--log-keys")
        key = "user:" + "7" * 100

        def told(process, pattern):
            self.gateway.put(f"/v1/keys/{key}", json.dumps("x" * 4_000_000).encode())
            return any(re.search(pattern, line["message"]) for line in self.slow_lines(process))
        cut = f'"{key[:64]}"\\.\\.\\.'
        leader = self.cluster.leader_of(key)
        for process, pattern in ((self.cluster.brokers[0], f"slow: PUT {cut} from 127.0.0.1 took"),
                                 (self.cluster.workers[leader], f"slow: PUT {cut} took"),
                                 (self.gateway.process, f"slow: PUT /v1/keys/{{key}} {cut} from 127.0.0.1:\\d+ took")):
            wait_for(lambda: told(process, pattern), f"a line like {pattern}")

    def parts(self, line, pattern):
        found = re.search(pattern, line["message"])
        self.assertTrue(found, line)
        return [float(number) for number in found.groups()]

    def assertAddsUp(self, parts):
        total, *each = parts
        self.assertAlmostEqual(total, sum(each), delta=0.3)

    def test_lines_of_text_carry_cluster_and_worker(self):
        self.start()
        cluster_id, member = self.cluster.status()["cluster"], self.cluster.members()[2]
        self.cluster.kill_worker(2)
        self.cluster.wait_for_state(2, "down")
        broker = self.cluster.brokers[0]
        broker.wait_for_output(f"worker {member['address']} is down")
        line, = (line for line in broker.output().splitlines() if "is down" in line)
        self.assertRegex(line, f"^{TIME} warning broker cluster={cluster_id} worker={member['id']} worker {member['address']} is down: .*start it again$")
        self.assertEqual(self.gateway.process.stop(), 0)
        self.assertRegex(self.gateway.process.tail(1), f"^{TIME} info gateway cluster={cluster_id} stopped$")
        self.assertEqual(self.cluster.workers[1].stop(), 0)
        own_id = self.cluster.members()[1]["id"]
        self.assertRegex(self.cluster.workers[1].tail(1), f"^{TIME} info worker cluster={cluster_id} worker={own_id} stopped$")

    def test_with_0_none_is_slow(self):
        self.start("--slow-ms", "0", "--log-format", "json")
        for i in range(50):
            self.gateway.put(f"/v1/keys/k{i}", i)
        everyone = [*self.cluster.brokers, *self.cluster.workers, self.gateway.process]
        self.assertEqual([self.slow_lines(process) for process in everyone], [[]] * len(everyone))


class MissingBroker(EndToEndTest):
    def test_the_gateway_says_that_no_broker_answers(self):
        cluster = self.start_cluster(workers=1, k=1)
        cluster.kill_broker()
        gateway = Gateway(cluster, ready=False)
        self.addCleanup(gateway.stop)
        gateway.process.wait_for_output("no broker answers")
        self.assertRegex(gateway.process.output(), "warning gateway no broker answers: .*; is one running at the endpoints of -b\\?")


if __name__ == "__main__":
    main()
