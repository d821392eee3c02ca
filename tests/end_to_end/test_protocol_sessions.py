"""docs/protocol.md, section Exactly-once: a write with (session, seq) takes effect once, whatever happens in between."""
import os
import time

from support import ClusterTest, EndToEndTest, main, wait_for
from support.client import Packed


class Sessions(ClusterTest):
    settings = {"workers": 3, "k": 2}

    def setUp(self):
        super().setUp()
        self.session = f"{self._testMethodName}-{os.getpid()}"[-64:]

    def write(self, seq, command, *arguments, **options):
        return self.call(command, *arguments, session=self.session, seq=seq, **options)

    def assertIsAnother(self, reply):
        self.assertError(reply, "FAILED_PRECONDITION", "nothing new was done")
        self.assertEqual(reply.info["exactly_once"], "other_request")

    def assertSameReply(self, first, again):
        self.assertEqual((again.status, again.packed_result, again.info), (first.status, first.packed_result, first.info))

    def test_a_retry_gets_the_first_reply_and_does_nothing(self):
        first = self.assertOk(self.write(1, "PUT", self.key(), 1), True)
        self.assertOk(self.call("PUT", self.key(), 2), False)
        for _ in range(3):
            self.assertSameReply(first, self.write(1, "PUT", self.key(), 1))
        self.assertOk(self.call("GET", self.key()), 2)

    def test_a_pop_is_answered_with_the_same_document_again(self):
        self.assertOk(self.call("PUT", self.key(), {"a": [1, 2.5]}))
        first = self.assertOk(self.write(1, "POP", self.key()), {"a": [1, 2.5]})
        self.assertOk(self.call("PUT", self.key(), "another"), True)
        self.assertSameReply(first, self.write(1, "POP", self.key()))
        self.assertOk(self.call("GET", self.key()), "another")

    def test_a_delete_is_answered_the_same_again(self):
        self.assertOk(self.call("PUT", self.key(), 1))
        self.assertOk(self.write(1, "DELETE", self.key()), True)
        self.assertOk(self.write(1, "DELETE", self.key()), True)
        self.assertOk(self.write(2, "DELETE", self.key()), False)

    def test_what_the_replicas_refused_is_remembered(self):
        first = self.assertError(self.write(1, "POP", self.key()), "NOT_FOUND")
        condition = self.assertError(self.write(2, "PUT", self.key(), 1, if_version=99), "FAILED_PRECONDITION")
        self.assertOk(self.call("PUT", self.key(), 1), True)
        exists = self.assertError(self.write(3, "PUT", self.key(), 1, if_absent=True), "ALREADY_EXISTS")
        self.assertOk(self.call("DELETE", self.key()), True)
        self.assertSameReply(first, self.write(1, "POP", self.key()))
        self.assertSameReply(condition, self.write(2, "PUT", self.key(), 1, if_version=99))
        self.assertSameReply(exists, self.write(3, "PUT", self.key(), 1, if_absent=True))
        self.assertOk(self.call("HAS", self.key()), False)

    def test_refusals_before_that_are_not_remembered(self):
        self.assertError(self.write(1, "PUT", "", 1), "INVALID_ARGUMENT")
        self.assertError(self.write(1, "PUT", self.key()), "INVALID_ARGUMENT")
        self.assertOk(self.write(1, "PUT", self.key(), 1), True)

    def test_another_request_under_the_same_seq_is_refused(self):
        key = self.key()
        self.assertOk(self.write(1, "PUT", key, 1), True)
        for command, arguments, options in (("PUT", [key, 2], {}), ("SET", [key, 2], {}), ("DELETE", [key], {}), ("POP", [key], {}),
                                            ("PUT", [key, 1], {"if_absent": True}), ("PUT", [key, 1], {"if_version": 1})):
            with self.subTest(command=command, options=options):
                self.assertIsAnother(self.write(1, command, *arguments, **options))
        self.assertOk(self.call("GET", key), 1)

    def test_another_timeout_or_packing_is_the_same_request(self):
        first = self.assertOk(self.write(1, "PUT", self.key(), 1, timeout_ms=4000), True)
        self.assertSameReply(first, self.write(1, "PUT", self.key().encode(), 1, timeout_ms=9000))

    def test_a_retry_that_was_packed_anew_is_the_same_request(self):
        """Packers change the order of a map's keys and the width of numbers from one call to the next."""
        first = self.assertOk(self.write(1, "PUT", self.key(), {"a": 1, "b": {"x": [1, "s"], "y": None}}), True)
        self.assertSameReply(first, self.write(1, "PUT", self.key(), {"b": {"y": None, "x": [1, "s"]}, "a": 1}))
        wide = Packed(b"\xdf\x00\x00\x00\x02\xda\x00\x01b\xde\x00\x02\xa1y\xc0\xa1x\xdc\x00\x02\xcf" + bytes(7) + b"\x01\xd9\x01s"
                      b"\xa1a\xd3" + bytes(7) + b"\x01")
        self.assertSameReply(first, self.write(1, "PUT", self.key(), wide))
        self.assertIsAnother(self.write(1, "PUT", self.key(), {"a": 1.0, "b": {"x": [1, "s"], "y": None}}))
        self.assertIsAnother(self.write(1, "PUT", self.key(), {"a": 1, "b": {"x": ["s", 1], "y": None}}))

    def test_a_floor_is_a_uint_up_to_seq_and_comes_with_a_session(self):
        for seq, floor in ((5, 0), (6, 5), (7, 7), (2**64 - 1, 2**64 - 1)):
            self.assertOk(self.write(seq, "PUT", self.key(), 1, floor=floor))
        for floor in (10, 2**64 - 1, -1, "1", None, [1]):
            self.assertError(self.write(9, "PUT", self.key(), 1, floor=floor), "INVALID_ARGUMENT", "floor")
        self.assertError(self.call("PUT", self.key(), 1, floor=0), "INVALID_ARGUMENT", "floor", "session")
        self.assertError(self.call("GET", self.key(), floor=0), "INVALID_ARGUMENT", "floor")
        item = self.assertOk(self.call("BATCH", [["PUT", [self.key(), 1], {"floor": 0}]])).result[0]
        self.assertEqual(item[0], "INVALID_ARGUMENT")

    def assertIsUnknown(self, reply):
        self.assertError(reply, "FAILED_PRECONDITION", "outcome unknown")
        self.assertEqual(reply.info["exactly_once"], "unknown")

    def test_what_lies_below_the_floor_is_answered_while_it_is_remembered_and_never_done(self):
        first = self.assertOk(self.write(1, "PUT", self.key(), 1, floor=1), True)
        self.assertOk(self.write(9, "PUT", self.key(), 9, floor=7), False)
        self.assertSameReply(first, self.write(1, "PUT", self.key(), 1, floor=1))
        self.assertIsUnknown(self.write(6, "PUT", self.key(), 6, floor=6))
        self.assertIsUnknown(self.write(6, "PUT", self.key(), 6))
        self.assertOk(self.call("GET", self.key()), 9)
        self.assertOk(self.write(7, "PUT", self.key(), 7, floor=7), False)

    def test_a_batch_is_one_seq_of_its_session(self):
        items = [["PUT", [self.key(), 1]], ["PUT", [self.key(), 2]], ["GET", [self.key()]]]
        first = self.assertOk(self.write(5, "BATCH", items, floor=5))
        self.assertEqual(self.assertOk(self.write(5, "BATCH", items, floor=3)).result, first.result)
        late = self.assertOk(self.write(4, "BATCH", items, floor=4)).result
        self.assertEqual([(status, info["exactly_once"]) for status, _, info in late], [("FAILED_PRECONDITION", "unknown")] * 3)

    def test_seqs_come_in_any_order(self):
        for seq in (5, 3, 2**64 - 1, 0, 4, 1):
            self.assertOk(self.write(seq, "PUT", self.key(str(seq)), seq), True)
        for seq in (0, 1, 3, 4, 5, 2**64 - 1):
            self.assertOk(self.write(seq, "PUT", self.key(str(seq)), seq), True)

    def test_str_and_bin_are_the_same_session(self):
        self.assertOk(self.call("PUT", self.key(), 1, session="täst", seq=1), True)
        self.assertOk(self.call("PUT", self.key(), 1, session="täst".encode(), seq=1), True)
        self.assertOk(self.call("PUT", self.key(), 1, session="another", seq=1), False)

    def test_a_batch_sent_again_gets_the_same_replies(self):
        self.assertOk(self.call("PUT", self.key("pop"), "popped"))
        items = [["PUT", [self.key(str(number)), number]] for number in range(500)]
        items += [["POP", [self.key("pop")]], ["DELETE", [self.key("none")]], ["PUT", [self.key("0"), 1], {"if_absent": True}]]
        first = self.assertOk(self.write(1, "BATCH", items))
        self.assertEqual(first.result[500][:2], ["OK", "popped"])
        for number in range(500):
            self.assertOk(self.call("DELETE", self.key(str(number))), True)
        again = self.assertOk(self.write(1, "BATCH", items))
        self.assertEqual(again.result, first.result)
        self.assertOk(self.call("COUNT", self.key()), 0)

    def test_items_of_a_batch_have_identities_of_their_own(self):
        twice = [["PUT", [self.key(), 1]], ["PUT", [self.key(), 1]]]
        self.assertEqual([result for _, result, _ in self.assertOk(self.write(1, "BATCH", twice)).result], [True, False])
        changed = [["PUT", [self.key(), 1]], ["PUT", [self.key(), 2]]]
        self.assertEqual([status for status, _, _ in self.assertOk(self.write(1, "BATCH", changed)).result],
                         ["OK", "FAILED_PRECONDITION"])

    def test_10_000_writes_are_remembered(self):
        items = [["PUT", [self.key(str(number)), number]] for number in range(1000)]
        for seq in range(10):
            self.assertOk(self.write(seq, "BATCH", items))
        replies = self.assertOk(self.write(0, "BATCH", items)).result
        self.assertEqual([result for _, result, _ in replies], [True] * 1000)

    def test_a_large_reply_is_the_same_again_or_said_to_be_applied(self):
        self.assertOk(self.call("PUT", self.key(), b"x" * (4 << 20)))
        first = self.assertOk(self.write(1, "POP", self.key()))
        again = self.write(1, "POP", self.key())
        if again.status == "OK":
            self.assertTrue(again.packed_result == first.packed_result)
        else:
            self.assertError(again, "FAILED_PRECONDITION", "applied")


class OverRestarts(EndToEndTest):
    def test_replies_are_remembered_when_every_worker_and_broker_was_killed(self):
        cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(cluster)
        requests = [(seq, ("PUT", f"key{seq}", {"n": seq})) for seq in range(100)]
        firsts = [client.call(*request, session=b"over restarts", seq=seq) for seq, request in requests]
        self.assertOk(client.call("PUT", "popped", "document"))
        popped = self.assertOk(client.call("POP", "popped", session=b"over restarts", seq=1000), "document")
        for round_ in range(2):
            for number in range(3):
                cluster.kill_worker(number)
            cluster.kill_broker()
            cluster.start_broker()
            for number in range(3):
                cluster.start_worker(number)
            cluster.wait_until_whole()
            self.assertOk(client.call("PUT", "key0", f"later {round_}"), False)
            for (seq, request), first in zip(requests, firsts):
                again = client.call(*request, session="over restarts", seq=seq)
                self.assertEqual((again.status, again.result, again.info), (first.status, first.result, first.info))
            again = client.call("POP", "popped", session=b"over restarts", seq=1000)
            self.assertEqual((again.status, again.result), (popped.status, popped.result))
            self.assertOk(client.call("GET", "key0"), f"later {round_}")
            self.assertError(client.call("PUT", "key1", "another", session="over restarts", seq=1), "FAILED_PRECONDITION")

    def test_floors_are_remembered_when_every_worker_was_killed(self):
        cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(cluster)
        self.assertOk(client.call("PUT", "key", 7, session="floors", seq=7, floor=7), True)
        for number in range(3):
            cluster.kill_worker(number)
        for number in range(3):
            cluster.start_worker(number)
        cluster.wait_until_whole()
        late = self.assertError(client.call("PUT", "key", 6, session="floors", seq=6, floor=6), "FAILED_PRECONDITION", "outcome unknown")
        self.assertEqual(late.info["exactly_once"], "unknown")
        self.assertOk(client.call("GET", "key"), 7)

    def test_a_broker_that_stood_still_sends_nothing_on_that_lay_in_its_sockets(self):
        cluster = self.start_cluster(workers=3, k=2, brokers=2)
        frozen, other = self.client_of(cluster, broker=0), self.client_of(cluster, broker=1)
        self.assertOk(other.call("PUT", "key", 0), True)
        cluster.brokers[0].pause()
        ids = [frozen.send("PUT", "key", number, session="s", seq=number) for number in range(100)]
        try:
            # It counts as frozen after a second.
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                self.assertOk(other.call("PUT", "key", "newer"), False)
        finally:
            cluster.brokers[0].resume()
        for id_ in ids:
            self.assertError(frozen.receive(id_), "UNAVAILABLE", "not sent on")
        self.assertOk(other.call("GET", "key"), "newer")
        wait_for(lambda: frozen.call("PUT", "key", "later").status == "OK", "the broker to serve again")

    def test_replies_are_remembered_over_a_change_of_leader(self):
        cluster = self.start_cluster(workers=3, k=2, partitions=1)
        client = self.client_of(cluster)
        first = self.assertOk(client.call("PUT", "key", 1, session="s", seq=1), True)
        for _ in range(3):
            number = cluster.leader_of("key")
            cluster.kill_worker(number)
            again = self.assertOk(client.call("PUT", "key", 1, session="s", seq=1), True)
            self.assertEqual(again.info["version"], first.info["version"])
            cluster.start_worker(number)
            cluster.wait_until_whole()


if __name__ == "__main__":
    main()
