"""docs/protocol.md, section The guarantee: workers and brokers are killed, paused and restarted under load."""
import re
import threading
import time

from support import Cluster, EndToEndTest, main, one_shot, wait_for
from support.history import Writers

READS = (("GET", ["two.a"], {"n": 1}), ("HAS", ["two.a"], True), ("QUERY", [["two.a", "n"]], 1), ("COMPUTE", ["x+1", {"x": ["two.a", "n"]}], 2.0),
         ("KEYS", ["two."], ["two.a", "two.b"]), ("SCAN", ["two."], [["two.a", {"n": 1}], ["two.b", 2]]), ("COUNT", ["two."], 2))
WRITES = (("PUT", ["two.a", 9]), ("SET", ["two.a", 9]), ("DELETE", ["two.a"]), ("POP", ["two.a"]))
WARNING = "2 of 3 workers are down, replication factor k=2: correct output cannot be guaranteed"


class FailureTest(EndToEndTest):
    bound = 180

    def store_two(self, client):
        """Stores what READS reads, on every replica."""
        self.assertOk(client.call("PUT", "two.a", {"n": 1}), True)
        self.assertOk(client.call("PUT", "two.b", 2), True)
        self.wait_for_all_replicas(client, 2)

    def wait_for_all_replicas(self, client, documents):
        """Waits until every replica has applied this many documents, the slowest follower's included."""
        def everywhere():
            members = self.assertOk(client.call("MEMBERS")).result
            replicas = self.assertOk(client.call("STATUS")).result["replicas"]
            return sum(member["keys"] for member in members) == documents * replicas
        wait_for(everywhere, "all replicas to have applied everything")

    def assertServesWithoutAMark(self, client):
        for command, arguments, result in READS:
            reply = self.assertOk(client.call(command, *arguments), result)
            self.assertNotIn("warnings", reply.info)
            self.assertNotIn("guaranteed", reply.info)
        reply = self.assertOk(client.call("PUT", "two.b", 2), False)
        self.assertNotIn("warnings", reply.info)


class OneWorkerDown(FailureTest):
    def test_all_goes_on_and_nothing_acknowledged_is_lost(self):
        cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(cluster)
        self.store_two(client)
        writers = Writers(cluster.frontends)
        wait_for(lambda: writers.written > 200, "some writes")
        for number in range(3):
            cluster.kill_worker(number)
            cluster.wait_for_state(number, "down")
            seen = writers.written
            wait_for(lambda: writers.written > seen + 200, "writes to go on")
            self.assertServesWithoutAMark(client)
            cluster.start_worker(number)
            cluster.wait_until_whole()
        writers.stop()
        self.assertEqual(writers.errors, [])
        self.assertEqual(writers.uncertain, {})
        writers.check(client)
        self.assertEqual(cluster.members().keys(), {0, 1, 2})

    def test_a_worker_is_suspect_then_down_then_up_again(self):
        cluster = self.start_cluster(workers=3, k=2)
        cluster.workers[1].pause()
        begin = time.monotonic()
        cluster.wait_for_state(1, "suspect", seconds=2)
        self.assertEqual(cluster.status()["workers_up"], 3, "a suspect still counts as up")
        cluster.wait_for_state(1, "down", seconds=3)
        self.assertLess(time.monotonic() - begin, 3)
        self.assertGreaterEqual(cluster.members()[1]["last_heartbeat_ms"], 1500)
        status = cluster.status()
        self.assertEqual((status["workers"], status["workers_up"], status["guaranteed"]), (3, 2, True))
        cluster.workers[1].resume()
        cluster.wait_for_state(1, "up")
        cluster.wait_until_whole()

    def test_a_worker_keeps_its_id_for_life(self):
        cluster = self.start_cluster(workers=3, k=2)
        before = {number: member["id"] for number, member in cluster.members().items()}
        cluster.kill_worker(2)
        cluster.start_worker(2)
        cluster.wait_until_whole()
        self.assertEqual({number: member["id"] for number, member in cluster.members().items()}, before)

    def test_leaders_are_spread_again_after_a_failure(self):
        cluster = self.start_cluster(workers=3, k=2)
        cluster.kill_worker(0)
        cluster.wait_for_state(0, "down")
        cluster.start_worker(0)
        # No worker is preferred for more than 7 of the 16 partitions, which leaves 2 at least.
        wait_for(lambda: 2 <= cluster.members().get(0, {}).get("leads", 0) <= 7, "the leaders to be spread again", 40)
        cluster.wait_until_whole()

    def test_a_change_of_leader_stays_unseen_within_the_deadline(self):
        cluster = self.start_cluster(workers=3, k=2, partitions=1)
        client = self.client_of(cluster)
        for round_ in range(3):
            leader = cluster.leader_of("key")
            ids = [client.send("PUT", f"key{number}", round_, timeout_ms=15_000) for number in range(300)]
            cluster.kill_worker(leader)
            ids += [client.send("GET", f"key{number}", timeout_ms=15_000) for number in range(300)]
            replies = {reply.id: reply for reply in (client.receive() for _ in ids)}
            for id_ in ids[:300]:
                self.assertOk(replies[id_], round_ == 0)
            for id_ in ids[300:]:
                self.assertIn(replies[id_].status, ("OK", "NOT_FOUND"))
            cluster.start_worker(leader)
            cluster.wait_until_whole()


class MoreDownThanTolerated(FailureTest):
    def test_two_of_three(self):
        cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(cluster)
        self.store_two(client)
        cluster.kill_worker(0)
        cluster.kill_worker(1)
        for number in (0, 1):
            cluster.wait_for_state(number, "down")
        with self.subTest("STATUS says so"):
            status = cluster.status()
            self.assertEqual((status["workers"], status["workers_up"], status["guaranteed"]), (3, 1, False))
            self.assertEqual(status["partitions_available"], 0)
        for command, arguments in WRITES:
            with self.subTest("a write is refused", command=command):
                reply = self.assertError(client.call(command, *arguments), "UNAVAILABLE", "1", "2")
                self.assertEqual(reply.info["warnings"], [WARNING])
        for command, arguments, result in READS:
            with self.subTest("a read is marked", command=command):
                reply = self.assertOk(client.call(command, *arguments), result)
                self.assertIs(reply.info.get("guaranteed"), False)
                self.assertEqual(reply.info["warnings"], [WARNING])
                self.assertNotIn("missing_partitions", reply.info)
            with self.subTest("a stale read carries no mark", command=command):
                reply = self.assertOk(client.call(command, *arguments, consistency="stale"), result)
                self.assertNotIn("guaranteed", reply.info)
        with self.subTest("what is not there"):
            reply = self.assertError(client.call("GET", "nobody"), "NOT_FOUND")
            self.assertIs(reply.info.get("guaranteed"), False)
        with self.subTest("a batch"):
            reply = self.assertOk(client.call("BATCH", [["GET", ["two.a"]], ["PUT", ["two.a", 3]]]))
            self.assertEqual([item[0] for item in reply.result], ["OK", "UNAVAILABLE"])
            self.assertIs(reply.result[0][2].get("guaranteed"), False)
        with self.subTest("what is not about data carries no warning"):
            self.assertNotIn("warnings", self.assertOk(client.call("PING"), "PONG").info)
        cluster.start_worker(0)
        cluster.wait_for_state(0, "up")
        wait_for(lambda: client.call("PUT", "two.b", 2, timeout_ms=2000).status == "OK", "writes to be taken again")
        cluster.start_worker(1)
        cluster.wait_until_whole()
        self.assertServesWithoutAMark(client)

    def test_all_of_them(self):
        cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(cluster)
        self.store_two(client)
        for number in range(3):
            cluster.kill_worker(number)
        for number in range(3):
            cluster.wait_for_state(number, "down")
        for command, arguments, _ in READS[:4]:
            with self.subTest(command=command):
                self.assertError(client.call(command, *arguments), "UNAVAILABLE")
        for command, arguments in WRITES:
            with self.subTest(command=command):
                self.assertError(client.call(command, *arguments), "UNAVAILABLE")
        for command in ("KEYS", "SCAN", "COUNT"):
            with self.subTest(command=command):
                reply = client.call(command)
                if reply.status == "OK":  # "The other partitions' answer", of which there are none.
                    self.assertFalse(reply.result)
                    self.assertIs(reply.info.get("guaranteed"), False)
                    self.assertEqual(reply.info.get("missing_partitions"), list(range(16)))
                else:
                    self.assertError(reply, "UNAVAILABLE")
        for number in range(3):
            cluster.start_worker(number)
        cluster.wait_until_whole()
        self.assertServesWithoutAMark(client)

    def test_some_partitions_have_a_majority_and_others_none(self):
        cluster = self.start_cluster(workers=6, k=2, partitions=32)
        client = self.client_of(cluster)
        keys = [f"key{number}" for number in range(200)]
        self.assertOk(client.call("BATCH", [["PUT", [key, key]] for key in keys]))
        self.wait_for_all_replicas(client, len(keys))
        cluster.kill_worker(0)
        cluster.kill_worker(1)
        down = {cluster.address_of(0), cluster.address_of(1)}
        for number in (0, 1):
            cluster.wait_for_state(number, "down")
        served, broken = 0, 0
        for key in keys:
            where = client.call("LOCATE", key).result
            lost = len(down & set(where["addresses"].values()))
            write, read = client.call("PUT", key, key), client.call("GET", key)
            self.assertTrue(any("2 of 6 workers are down" in warning for warning in read.info.get("warnings", [])), read)
            if lost < 2:
                served += 1
                self.assertOk(write, False)
                self.assertNotIn("guaranteed", self.assertOk(read, key).info)
            else:
                broken += 1
                self.assertError(write, "UNAVAILABLE")
                self.assertIs(self.assertOk(read, key).info.get("guaranteed"), False)
        self.assertGreater(served, 0)
        self.assertEqual(broken > 0, cluster.status()["partitions_available"] < 32)
        self.assertEqual(len(self.assertOk(client.call("KEYS", "key")).result), 200)

    def test_a_write_whose_outcome_is_unknown_says_so(self):
        cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(cluster)
        self.store_two(client)
        for worker in cluster.workers:
            worker.pause()
        begin = time.monotonic()
        self.assertError(client.call("PUT", "two.a", {"n": 1}, timeout_ms=300), "DEADLINE_EXCEEDED")
        self.assertError(client.call("GET", "two.a", timeout_ms=300), "DEADLINE_EXCEEDED")
        self.assertLess(time.monotonic() - begin, 1.4)
        for worker in cluster.workers:
            worker.resume()
        cluster.wait_until_whole()
        self.assertServesWithoutAMark(client)


class Sizes(FailureTest):
    def assertTolerates(self, workers, k, tolerated):
        """Up to `tolerated` workers killed change nothing, and one more does."""
        cluster = self.start_cluster(workers=workers, k=k)
        client = self.client_of(cluster)
        status = cluster.status()
        self.assertEqual((status["tolerates"], status["replicas"]), (tolerated, min(workers, 2 * k - 1)))
        self.store_two(client)
        for number in range(tolerated):
            cluster.kill_worker(number)
        for number in range(tolerated):
            cluster.wait_for_state(number, "down")
        self.assertTrue(cluster.status()["guaranteed"])
        self.assertServesWithoutAMark(client)
        cluster.kill_worker(tolerated)
        cluster.wait_for_state(tolerated, "down")
        self.assertFalse(cluster.status()["guaranteed"])
        self.assertTrue(client.call("GET", "two.a").info.get("warnings"))
        self.assertError(client.call("PUT", "two.a", {"n": 1}), "UNAVAILABLE")
        for number in range(tolerated + 1):
            cluster.start_worker(number)
        cluster.wait_until_whole()
        self.assertServesWithoutAMark(client)

    def test_one_worker(self):
        self.assertTolerates(workers=1, k=1, tolerated=0)

    def test_two_workers_with_k_2(self):
        self.assertTolerates(workers=2, k=2, tolerated=0)

    def test_five_workers_with_k_3(self):
        self.assertTolerates(workers=5, k=3, tolerated=2)

    def test_four_workers_with_k_3(self):
        self.assertTolerates(workers=4, k=3, tolerated=1)

    def test_three_workers_with_k_1_put_each_partition_on_one(self):
        cluster = self.start_cluster(workers=3, k=1)
        client = self.client_of(cluster)
        status = cluster.status()
        self.assertEqual((status["tolerates"], status["replicas"]), (0, 1))
        keys = [f"key{number}" for number in range(100)]
        self.assertOk(client.call("BATCH", [["PUT", [key, key]] for key in keys]))
        cluster.kill_worker(0)
        cluster.wait_for_state(0, "down")
        lost = {key for key in keys if client.call("LOCATE", key).result["replicas"] == [self.id_of(cluster, 0)]}
        self.assertTrue(0 < len(lost) < 100)
        listed = self.assertOk(client.call("KEYS", "key"))
        self.assertEqual(set(listed.result), set(keys) - lost)
        self.assertIs(listed.info.get("guaranteed"), False)
        self.assertTrue(listed.info["missing_partitions"])
        for key in keys:
            if key in lost:
                self.assertError(client.call("GET", key), "UNAVAILABLE")
            else:
                self.assertOk(client.call("PUT", key, key), False)
        cluster.start_worker(0)
        cluster.wait_until_whole()
        self.assertEqual(len(self.assertOk(client.call("KEYS", "key")).result), 100)

    @staticmethod
    def id_of(cluster, number):
        return cluster.members()[number]["id"]

    def test_sixteen_workers(self):
        cluster = self.start_cluster(workers=16, k=2, partitions=64)
        client = self.client_of(cluster)
        members = cluster.members()
        self.assertLessEqual(max(member["partitions"] for member in members.values()), 15)
        self.assertOk(client.call("BATCH", [["PUT", [f"key{number}", number]] for number in range(2000)]))
        cluster.kill_worker(7)
        cluster.wait_for_state(7, "down")
        for number in range(200):
            self.assertOk(client.call("GET", f"key{number}"), number)
            self.assertOk(client.call("PUT", f"key{number}", number), False)


class Brokers(FailureTest):
    def test_a_killed_broker_that_comes_back_takes_up_its_clients_sockets(self):
        cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(cluster)
        self.store_two(client)
        for round_ in range(3):
            cluster.kill_broker()
            cluster.start_broker(with_server_file=round_ == 0)
            self.assertServesWithoutAMark(client)

    def test_several_at_once(self):
        cluster = self.start_cluster(workers=3, k=2, brokers=3)
        clients = [self.client_of(cluster, broker) for broker in range(3)]
        self.store_two(clients[0])
        for client in clients:
            self.assertServesWithoutAMark(client)
        writers = Writers(cluster.frontends, count=6)
        wait_for(lambda: writers.written > 200, "some writes")
        cluster.kill_worker(1)
        wait_for(lambda: all(cluster.members(broker)[1]["state"] == "down" for broker in range(3)), "every broker to see it")
        seen = writers.written
        wait_for(lambda: writers.written > seen + 200, "writes to go on")
        writers.stop()
        self.assertEqual(writers.errors, [])
        for client in clients:
            writers.check(client)

    def test_each_of_several_can_be_killed(self):
        cluster = self.start_cluster(workers=3, k=2, brokers=2)
        self.store_two(self.client_of(cluster, 0))
        cluster.kill_broker(0)
        self.assertServesWithoutAMark(self.client_of(cluster, 1))
        cluster.start_broker(0, with_server_file=False)
        cluster.kill_broker(1)
        cluster.wait_until_whole(0)
        self.assertServesWithoutAMark(self.client_of(cluster, 0))

    def test_a_new_broker_calls_nothing_unavailable_at_first(self):
        cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(cluster)
        self.store_two(client)
        cluster.kill_broker()
        for worker in cluster.workers:
            worker.kill()
        cluster.start_broker()
        id_ = client.send("GET", "two.a", timeout_ms=20_000)
        for number in range(3):
            cluster.start_worker(number)
        reply = self.assertOk(client.receive(id_), {"n": 1})
        self.assertNotIn("guaranteed", reply.info)


class Starting(FailureTest):
    def start_in_order(self, order, brokers=1):
        """Starts `b0`, `w0`, ... in this order and waits for the whole cluster."""
        folder = self.folder / "-".join(order)
        folder.mkdir()
        cluster = Cluster(folder, workers=3, k=2, brokers=brokers, start=False)
        self.addCleanup(cluster.stop)
        for name in order:
            (cluster.start_broker if name[0] == "b" else cluster.start_worker)(int(name[1]))
        cluster.wait_until_whole()
        self.assertOk(self.client_of(cluster).call("PUT", "two.a", 1), True)
        return cluster

    def test_the_order_does_not_matter(self):
        for order in (["w2", "w1", "w0", "b0"], ["b0", "w2", "w0", "w1"], ["w1", "b0", "w0", "w2"]):
            with self.subTest(order=order):
                self.start_in_order(order)

    def test_formation_with_two_brokers_at_once_makes_one_cluster(self):
        for order in (["b0", "b1", "w0", "w1", "w2"], ["w0", "w1", "w2", "b0", "b1"], ["b0", "w0", "b1", "w1", "w2"]):
            with self.subTest(order=order):
                cluster = self.start_in_order(order, brokers=2)
                cluster.wait_until_whole(1)
                self.assertEqual(cluster.status(0)["cluster"], cluster.status(1)["cluster"])
                self.assertOk(self.client_of(cluster, 1).call("GET", "two.a"), 1)

    def test_formation_goes_on_after_the_broker_or_a_worker_died_in_it(self):
        folder = self.folder / "interrupted"
        folder.mkdir()
        cluster = Cluster(folder, workers=3, k=2, start=False)
        self.addCleanup(cluster.stop)
        for round_ in range(4):
            cluster.start_broker()
            for number in range(3):
                cluster.start_worker(number)
            if round_ < 3:
                # Some point in the middle of it, another one each time.
                wait_for(lambda: all((cluster.data_of(number)).exists() for number in range(round_ + 1)), "the folders", every=0.001)
                for process in (*cluster.brokers, *cluster.workers):
                    process.kill()
        cluster.wait_until_whole()
        self.assertOk(self.client_of(cluster).call("PUT", "two.a", 1), True)

    def test_until_it_is_formed_the_cluster_has_no_id_and_requests_wait(self):
        folder = self.folder / "forming"
        folder.mkdir()
        cluster = Cluster(folder, workers=3, k=2, start=False)
        self.addCleanup(cluster.stop)
        cluster.start_broker()
        cluster.start_worker(0)
        cluster.start_worker(1)
        client = self.client_of(cluster)
        self.assertIsNone(self.assertOk(client.call("STATUS")).result["cluster"])
        self.assertOk(client.call("PING"), "PONG")
        reply = client.call("PUT", "two.a", 1, timeout_ms=300)
        self.assertIn(reply.status, ("UNAVAILABLE", "DEADLINE_EXCEEDED"))
        cluster.start_worker(2)
        cluster.wait_until_whole()
        self.assertOk(client.call("GET", "nobody") and client.call("PUT", "two.b", 1), True)

    def test_everything_is_there_after_everything_was_killed(self):
        cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(cluster)
        documents = {f"key{number}": {"n": number, "text": "x" * (number % 500)} for number in range(3000)}
        self.assertOk(client.call("BATCH", [["PUT", [key, document]] for key, document in documents.items()]))
        versions = {key: client.call("HAS", key).info["version"] for key in list(documents)[:50]}
        for process in (*cluster.workers, *cluster.brokers):
            process.kill()
        cluster.start()
        replies = self.assertOk(client.call("BATCH", [["GET", [key]] for key in documents])).result
        self.assertEqual([result for _, result, _ in replies], list(documents.values()))
        for key, version in versions.items():
            self.assertEqual(client.call("HAS", key).info["version"], version)

    def test_sigterm_ends_cleanly_and_loses_nothing(self):
        cluster = self.start_cluster(workers=3, k=2)
        self.store_two(self.client_of(cluster))
        for process in (*cluster.workers, *cluster.brokers):
            self.assertEqual(process.stop(), 0, process.tail())
        cluster.start()
        self.assertServesWithoutAMark(self.client_of(cluster))


class UnderLoad(FailureTest):
    def test_workers_restarted_one_after_another(self):
        cluster = self.start_cluster(workers=3, k=2)
        writers = Writers(cluster.frontends, count=8)
        for round_ in range(2):
            for number in range(3):
                wait_for(lambda: writers.written > (round_ * 3 + number + 1) * 100, "some writes")
                cluster.workers[number].kill()
                cluster.start_worker(number)
                cluster.wait_until_whole()
        writers.stop()
        self.assertEqual(writers.errors, [])
        writers.check(self.client_of(cluster))

    def test_pauses_of_some_election_timeouts(self):
        cluster = self.start_cluster(workers=3, k=2)
        writers = Writers(cluster.frontends, count=6)
        wait_for(lambda: writers.written > 100, "some writes")
        for round_, seconds in enumerate((0.3, 0.6, 1.2, 2.4)):
            worker = cluster.workers[round_ % 3]
            worker.pause()
            threading.Event().wait(seconds)  # The length of the pause is what this test is about.
            worker.resume()
            seen = writers.written
            wait_for(lambda: writers.written > seen + 100, "writes to go on")
        writers.stop()
        self.assertEqual(writers.errors, [])
        cluster.wait_until_whole()
        writers.check(self.client_of(cluster))

    def test_the_loader_goes_on_through_the_death_of_a_worker_and_of_the_broker(self):
        cluster = self.start_cluster(workers=3, k=2)
        count = 60_000
        data = self.file("data.txt", "".join(f'key{number} -> [ n -> {number} | s -> "abcd" ]\n' for number in range(count)))
        ran = []
        loading = threading.Thread(target=lambda: ran.append(one_shot(cluster, "load", data, seconds=150)), daemon=True)
        loading.start()
        client = self.client_of(cluster)
        wait_for(lambda: client.call("COUNT").result > 1000, "the load to begin")
        cluster.kill_worker(1)
        cluster.kill_broker()
        cluster.start_broker()
        loading.join(150)
        self.assertEqual(ran[0].code, 0, ran)
        self.assertRegex(ran[0].out + ran[0].err, re.compile(rf"^loaded {count} records, 0 errors", re.MULTILINE))
        self.assertOk(client.call("COUNT"), count)
        for begin in range(0, count, 10_000):
            replies = self.assertOk(client.call("BATCH", [["QUERY", [[f"key{number}", "n"]]] for number in range(begin, begin + 10_000)]))
            self.assertEqual([result for _, result, _ in replies.result], list(range(begin, begin + 10_000)))


if __name__ == "__main__":
    main()
