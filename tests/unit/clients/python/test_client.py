"""Client and AsyncClient against brokers that lose replies, answer late, refuse, die and come back."""
import asyncio
import gc
import os
import pathlib
import re
import threading
import time
import unittest

import trellis
from fake_broker import SILENCE, FakeBroker, error, ok
from trellis import AsyncClient, Client, Item

ROOT = pathlib.Path(__file__).resolve().parents[4]
WRITES = ("PUT", "SET", "DELETE", "POP", "BATCH")
# status, and what it says of a write
OUTCOMES = (("INVALID_ARGUMENT", trellis.InvalidArgument, False), ("NOT_FOUND", trellis.NotFound, False),
            ("ALREADY_EXISTS", trellis.AlreadyExists, False), ("FAILED_PRECONDITION", trellis.FailedPrecondition, False),
            ("UNAVAILABLE", trellis.Unavailable, False), ("RESOURCE_EXHAUSTED", trellis.ResourceExhausted, False),
            ("UNAUTHENTICATED", trellis.Unauthenticated, False), ("PERMISSION_DENIED", trellis.PermissionDenied, False),
            ("UNIMPLEMENTED", trellis.Unimplemented, False), ("DEADLINE_EXCEEDED", trellis.DeadlineExceeded, True),
            ("INTERNAL", trellis.Internal, True), ("NEVER_HEARD_OF", trellis.Internal, True))


class BrokerTest(unittest.TestCase):
    def broker(self, answer=lambda asked: ok()):
        broker = FakeBroker(answer)
        self.addCleanup(broker.stop)
        return broker

    def client(self, *brokers, **settings):
        client = Client(*(broker.endpoint for broker in brokers), **settings)
        self.addCleanup(client.close)
        return client

    def assertEventually(self, condition, what):
        deadline = time.monotonic() + 5
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.005)


class Writes(unittest.TestCase):
    def test_they_are_those_that_the_protocol_gives_a_session(self):
        page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
        commands = re.search(r"`session` belongs to ([^;]*);", page)[1]
        self.assertEqual(set(re.findall(r"[A-Z_]+", commands)), {"BATCH", *trellis.wire.WRITES, *trellis.wire.CHANGES_OF_USERS})


class Retries(BrokerTest):
    def test_a_write_whose_replies_are_lost_is_sent_again_as_it_was(self):
        broker = self.broker(lambda asked: ok(True, version=1) if asked.copy == 2 else SILENCE)
        self.assertIs(self.client(broker, timeout_ms=800).put("a", 1), True)
        self.assertEqual(len(broker.requests), 3)
        self.assertEqual(len({asked.frame for asked in broker.requests}), 1, "one session, one seq, the same bytes")

    def test_every_write_has_a_seq_of_its_own_and_says_the_floor(self):
        broker = self.broker(lambda asked: ok([["OK", True, {}]] if asked.command == "BATCH" else True))
        client = self.client(broker)
        client.put("a", 1)
        client.batch([Item.put("b", 1)])
        client.delete("a")
        told = [(asked.options["seq"], asked.options["floor"]) for asked in broker.requests]
        self.assertEqual(told, [(1, 1), (2, 2), (3, 3)])
        self.assertEqual(len({asked.options["session"] for asked in broker.requests}), 1)

    def test_each_client_has_a_session_of_its_own(self):
        broker = self.broker()
        for _ in range(2):
            self.client(broker).call("PUT", "a", 1)
        first, second = (asked.options["session"] for asked in broker.requests)
        self.assertNotEqual(first, second)

    def test_a_late_reply_is_not_taken_for_the_next_calls(self):
        broker = self.broker(lambda asked: SILENCE if asked.arguments == ["slow"] else ok("quick"))
        client = self.client(broker)
        with self.assertRaises(trellis.DeadlineExceeded):
            client.get("slow", timeout_ms=50)
        broker.reply(broker.requests[0], ok("slow"))
        self.assertEqual(client.get("other"), "quick")

    def test_what_cannot_be_retried_is_told_at_once(self):
        for status, kind, perhaps_applied in OUTCOMES:
            broker = self.broker(lambda asked, status=status: error(status))
            client = self.client(broker)
            for command in WRITES:
                with self.subTest(status=status, command=command), self.assertRaises(kind) as raised:
                    client.call(command, "a", 1)
                self.assertIs(type(raised.exception), kind)
                self.assertEqual(raised.exception.perhaps_applied, perhaps_applied)
                self.assertEqual(str(raised.exception), "so it is said")
            with self.assertRaises(kind) as raised:
                client.call("GET", "a")
            self.assertFalse(raised.exception.perhaps_applied, "a read does nothing")
            self.assertEqual(len(broker.requests), len(WRITES) + 1, "each was sent once")
            client.close()

    def test_a_precondition_is_not_mistaken_for_a_forgotten_write(self):
        broker = self.broker()
        client = self.client(broker)
        for said, perhaps_applied in (("unknown", True), ("applied", True), ("other_request", False)):
            broker.answer = lambda asked, said=said: error("FAILED_PRECONDITION", exactly_once=said)
            with self.assertRaises(trellis.ExactlyOnceError) as raised:
                client.put("a", 1, if_version=1)
            self.assertEqual((raised.exception.exactly_once, raised.exception.perhaps_applied), (said, perhaps_applied))
            self.assertNotIsInstance(raised.exception, trellis.FailedPrecondition)

    def test_a_write_that_nobody_answers_has_perhaps_been_done(self):
        client = self.client(self.broker(lambda asked: SILENCE), timeout_ms=100)
        with self.assertRaises(trellis.DeadlineExceeded) as raised:
            client.put("a", 1)
        self.assertTrue(raised.exception.perhaps_applied)
        with self.assertRaises(trellis.DeadlineExceeded) as raised:
            client.get("a")
        self.assertFalse(raised.exception.perhaps_applied)

    def test_where_no_broker_is_nothing_was_done(self):
        client = Client("127.0.0.1:1", timeout_ms=100)
        self.addCleanup(client.close)
        with self.assertRaisesRegex(trellis.Unavailable, "no broker could be reached") as raised:
            client.put("a", 1)
        self.assertFalse(raised.exception.perhaps_applied)


class SeveralBrokers(BrokerTest):
    def test_a_silent_broker_is_passed_over(self):
        silent, other = self.broker(lambda asked: SILENCE), self.broker(lambda asked: ok(True))
        client = self.client(silent, other, timeout_ms=800)
        self.assertEventually(lambda: self.has_both(client), "both are connected")
        self.assertIs(client.put("a", 1), True)
        client.put("b", 1)
        self.assertEqual(len(silent.requests), 1, "the second call does not begin there")
        self.assertEqual(silent.requests[0].frame, other.requests[0].frame)

    @staticmethod
    def has_both(client):
        return all(broker.connected for broker in client._links._table._brokers)

    def test_what_was_with_a_broker_that_dies_goes_to_the_next_at_once(self):
        dying, other = self.broker(lambda asked: SILENCE), self.broker(lambda asked: ok(True))
        client = self.client(dying, other, timeout_ms=60_000)
        self.assertEventually(lambda: self.has_both(client), "both are connected")
        future = client.start("PUT", "a", 1)
        self.assertEventually(lambda: dying.requests, "it was sent")
        begun = time.monotonic()
        dying.stop()
        self.assertIs(future.result(timeout=10).result, True)
        self.assertLess(time.monotonic() - begun, 0.9, "no timer was waited for")
        self.assertEqual(dying.requests[0].frame, other.requests[0].frame)

    def test_another_broker_may_reach_workers_that_this_one_does_not(self):
        cut_off, other = self.broker(lambda asked: error("UNAVAILABLE")), self.broker(lambda asked: ok(True))
        client = self.client(cut_off, other)
        self.assertEventually(lambda: self.has_both(client), "both are connected")
        self.assertIs(client.put("a", 1), True)


class Values(BrokerTest):
    def test_text_bytes_and_integers_are_kept_apart(self):
        broker = self.broker(lambda asked: ok(asked.arguments[1]))
        client = self.client(broker)
        for value in ("text", b"text", "", b"", 1, 1.0, True, False, None, 2**64 - 1, -2**63, 2**53 + 1, [1, [b"\xff"]],
                      {"a": {"b": b"\0"}}, "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1"):
            with self.subTest(value=value):
                result = client.call("PUT", "a", value).result
                self.assertEqual(result, value)
                self.assertIs(type(result), type(value))

    def test_what_no_document_holds_is_not_sent(self):
        broker = self.broker()
        client = self.client(broker)
        for value, raised in ((object(), TypeError), (2**64, OverflowError), ({1, 2}, TypeError)):
            with self.assertRaises(raised):
                client.put("a", value)
        with self.assertRaises(trellis.InvalidArgument):
            client.put("a", 1, timeout_ms=0)
        with self.assertRaises(trellis.ResourceExhausted):
            client.put("a", b"\0" * (64 << 20))
        client.ping()
        self.assertEqual([asked.command for asked in broker.requests], ["PING"])

    def test_a_missing_document_is_an_error_or_the_default(self):
        client = self.client(self.broker(lambda asked: error("NOT_FOUND")))
        for ask in (client.get, client.pop, client.query):
            with self.assertRaises(trellis.NotFound):
                ask("a")
            self.assertIsNone(ask("a", default=None))

    def test_an_answer_without_a_majority_is_an_error_unless_it_is_accepted(self):
        warning = "2 of 3 workers are down"
        broker = self.broker(lambda asked: ok("old", guaranteed=False, warnings=[warning]))
        with self.assertRaisesRegex(trellis.NotGuaranteed, warning) as raised:
            self.client(broker).get("a")
        self.assertEqual(raised.exception.answer.result, "old")
        self.assertEqual(self.client(broker, accept_unguaranteed=True).get("a"), "old")
        self.assertEqual(self.client(broker).call("GET", "a").warnings, [warning])
        broker.answer = lambda asked: error("NOT_FOUND", guaranteed=False)
        with self.assertRaises(trellis.NotGuaranteed):
            self.client(broker).get("a", default=None)

    def test_items_of_a_batch_have_their_errors_as_values(self):
        outcomes = [["OK", True, {"version": 3}], ["NOT_FOUND", None, {"message": "none"}],
                    ["DEADLINE_EXCEEDED", None, {"message": "late"}], ["OK", 1, {"guaranteed": False}]]
        broker = self.broker(lambda asked: ok(outcomes))
        items = [Item.put("a", 1, if_absent=True), Item.get("b", consistency="stale"), Item.pop("c"), Item.query("d", 0)]
        put, get, pop, query = self.client(broker).batch(items)
        self.assertEqual((put.result, put.version), (True, 3))
        self.assertIsInstance(get, trellis.NotFound)
        self.assertTrue(isinstance(pop, trellis.DeadlineExceeded) and pop.perhaps_applied)
        self.assertIsInstance(query, trellis.NotGuaranteed)
        self.assertEqual(broker.requests[0].arguments, [
            [["PUT", ["a", 1], {"if_absent": True}], ["GET", ["b"], {"consistency": "stale"}], ["POP", ["c"], {}],
             ["QUERY", [["d", 0]], {}]]])

    def test_listings_go_on_where_a_page_ended(self):
        pages = {None: (["a", "b"], {"more": True}), "b": ([], {"more": True, "after": "m"}), "m": (["z"], {})}
        broker = self.broker(lambda asked: ok(pages[asked.arguments[2]][0], **pages[asked.arguments[2]][1]))
        client = self.client(broker)
        page = client.keys()
        self.assertEqual((page, page.more, page.after), (["a", "b"], True, "b"))
        self.assertEqual(list(client.all_keys("", match="*")), ["a", "b", "z"])
        self.assertEqual(broker.requests[-1].options["match"], "*")

    def test_a_reply_of_another_form_is_an_error(self):
        client = self.client(self.broker(lambda asked: ok(7)))
        for ask in (client.keys, client.scan, lambda: client.batch([Item.get("a")]), lambda: client.get_with_version("a")):
            with self.assertRaises(trellis.Internal):
                ask()


class Life(BrokerTest):
    def test_many_threads_use_one_client(self):
        broker = self.broker(lambda asked: ok(asked.arguments[0]))
        client = self.client(broker)
        wrong = []

        def work(name):
            wrong.extend(key for key in (f"{name}.{number}" for number in range(50)) if client.get(key) != key)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((wrong, len(broker.requests)), ([], 200))

    def test_closing_ends_what_is_under_way(self):
        broker = self.broker(lambda asked: SILENCE)
        client = self.client(broker)
        future = client.start("PUT", "a", 1)
        self.assertEventually(lambda: broker.requests, "it was sent")
        client.close()
        with self.assertRaises(trellis.DeadlineExceeded) as raised:
            future.result(timeout=5)
        self.assertTrue(raised.exception.perhaps_applied)
        with self.assertRaisesRegex(RuntimeError, "closed"):
            client.ping()

    def test_a_client_that_nobody_holds_ends_its_thread(self):
        client = Client("127.0.0.1:1")
        thread = client._links._thread
        del client
        gc.collect()
        thread.join(5)
        self.assertFalse(thread.is_alive())

    def test_a_forked_process_is_told_to_make_its_own(self):
        client = self.client(self.broker())
        child = os.fork()
        if child == 0:
            try:
                client.ping()
            except RuntimeError:
                os._exit(0)
            finally:
                os._exit(1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_a_cancelled_future_is_forgotten(self):
        broker = self.broker(lambda asked: SILENCE)
        client = self.client(broker)
        future = client.start("PUT", "a", 1)
        self.assertEventually(lambda: broker.requests, "it was sent")
        self.assertTrue(future.cancel())
        self.assertEventually(lambda: client._links._table.under_way == 0, "nothing is under way")
        broker.answer = lambda asked: ok()
        client.put("b", 1)
        self.assertEqual(broker.requests[-1].options["floor"], 2)


class Asyncio(BrokerTest, unittest.IsolatedAsyncioTestCase):
    async def test_it_has_what_the_blocking_client_has(self):
        names = {name for name in vars(Client) if not name.startswith("_")} - {"start"}
        self.assertEqual({name for name in vars(AsyncClient) if not name.startswith("_")}, names)

    async def test_many_calls_are_under_way_at_once(self):
        broker = self.broker()
        broker.answer = lambda asked: ok(len(broker.requests)) if asked.copy or len(broker.requests) == 20 else SILENCE
        async with AsyncClient(broker.endpoint, timeout_ms=800) as client:
            results = await asyncio.gather(*(client.get(f"{number}") for number in range(20)))
        self.assertGreaterEqual(min(results), 20, "none was answered before the last had come")

    async def test_what_is_cancelled_is_forgotten(self):
        broker = self.broker(lambda asked: SILENCE)
        async with AsyncClient(broker.endpoint) as client:
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(client.put("a", 1), 0.05)
            self.assertEventually(lambda: client._links._table.under_way == 0, "nothing is under way")

    async def test_errors_and_listings_are_the_same(self):
        broker = self.broker(lambda asked: ok(["a"]) if asked.command == "KEYS" else error("NOT_FOUND"))
        async with AsyncClient(broker.endpoint) as client:
            with self.assertRaises(trellis.NotFound):
                await client.get("a")
            self.assertEqual(await client.get("a", default=7), 7)
            self.assertEqual([key async for key in client.all_keys()], ["a"])
            self.assertEqual((await client.call("KEYS", "")).result, ["a"])


if __name__ == "__main__":
    unittest.main()
