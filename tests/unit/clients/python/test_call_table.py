"""The call table under lost, late and doubled replies, and under brokers that come, go and hang."""
import unittest

import msgpack
from trellis.call_table import DEADLINE_GRACE, CallTable
from trellis.request import make


class FakeNetwork:
    """Keeps what was sent, and to whom, and what calls ended with."""

    def __init__(self):
        self.takes = True
        self.sent = []
        self.replies = {}

    def send(self, broker, frame):
        if self.takes:
            self.sent.append((broker, frame))
        return self.takes

    def on_reply(self, id_, reply):
        assert id_ not in self.replies, "a call ends once"
        self.replies[id_] = reply

    def options(self, number=-1):
        return msgpack.unpackb(self.sent[number][1])[4]


def ask(command, *arguments, **options):
    return make(command, arguments, {"timeout_ms": 5000, **options}, lambda answer: answer)


def reply_to(id_, status="OK", result=None, **info):
    return msgpack.packb([1, id_, status, result, info])


class TableTest(unittest.TestCase):
    """A table, and a clock that goes as the test says."""

    def setUp(self):
        self.network = FakeNetwork()
        self.now = 100.0

    def table(self, brokers=1, connected=True):
        table = CallTable([f"tcp://broker-{number}" for number in range(brokers)], self.network)
        for broker in range(brokers if connected else 0):
            table.on_connected(self.now, broker)
        return table

    def put(self, table, **options):
        return table.begin(self.now, ask("PUT", "person1", 1, **options))

    def frame(self, table, broker, frame):
        table.on_frame(self.now, broker, frame)

    def elapse(self, table, seconds):
        """Lets time pass as the loop does: to each timer that is due, and then to the end."""
        end = self.now + seconds
        while (due := table.next_due) is not None and due <= end:
            self.now = max(self.now, due)
            table.on_tick(self.now)
        self.now = end

    def assertEnded(self, id_, status, *words):
        reply = self.network.replies[id_]
        self.assertEqual(reply.status, status)
        for word in words:
            self.assertIn(word, reply.info["message"])


class Calls(TableTest):
    def test_a_reply_ends_its_call(self):
        table = self.table()
        id_ = self.put(table)
        self.frame(table, 0, reply_to(id_, result=True))
        self.assertEqual(self.network.replies[id_].result, True)
        self.assertEqual((table.under_way, table.next_due), (0, None))

    def test_what_is_no_reply_and_what_nobody_asked_is_ignored(self):
        table = self.table()
        id_ = self.put(table)
        for junk in (b"", b"\xc1", b"\x95\x01", msgpack.packb([2, id_, "OK", 1, {}]), msgpack.packb([1, id_, "OK", 1]),
                     msgpack.packb([1, id_, 7, 1, {}]), msgpack.packb([1, id_, "OK", 1, []]), reply_to(id_ + 1),
                     reply_to(id_) + b"\0"):
            self.frame(table, 0, junk)
        self.assertEqual(self.network.replies, {})

    def test_a_write_is_sent_again_to_the_byte_and_ever_more_rarely(self):
        table = self.table()
        self.put(table)
        self.elapse(table, 4.9)
        frames = {frame for _, frame in self.network.sent}
        self.assertEqual((len(self.network.sent), len(frames)), (4, 1), "after 0.625, 1.875 and 4.375 s")
        options = self.network.options()
        self.assertEqual((len(options["session"]), options["seq"], options["floor"]), (16, 1, 1))

    def test_a_write_without_an_answer_has_perhaps_been_done(self):
        table = self.table()
        id_ = self.put(table)
        self.elapse(table, 5 + DEADLINE_GRACE)
        self.assertEnded(id_, "DEADLINE_EXCEEDED", "tcp://broker-0", "may have taken effect", "nothing was ever heard")

    def test_the_brokers_word_at_the_deadline_counts(self):
        table = self.table()
        id_ = self.put(table)
        self.elapse(table, 5 + DEADLINE_GRACE / 2)
        self.frame(table, 0, reply_to(id_, "DEADLINE_EXCEEDED", message="leadership was lost"))
        self.assertEnded(id_, "DEADLINE_EXCEEDED", "leadership was lost")

    def test_a_call_that_no_broker_took_was_not_done(self):
        table = self.table(brokers=2, connected=False)
        id_ = self.put(table)
        self.elapse(table, 5)
        self.assertEnded(id_, "UNAVAILABLE", "tcp://broker-0 or tcp://broker-1")
        self.assertEqual(self.network.sent, [])

    def test_a_call_that_no_handshake_let_through_says_what_may_be_wrong(self):
        for let_in in (False, True):
            table = self.table(connected=False)
            table.on_handshake_broken(0, " ended each handshake")
            if let_in:
                table.on_connected(self.now, 0)
                table.on_disconnected(self.now, 0)
            id_ = self.put(table)
            self.elapse(table, 6)
            reply = self.network.replies.pop(id_)
            self.assertEqual(reply.status, "UNAVAILABLE")
            self.assertEqual("ended each handshake" in reply.info["message"], not let_in, reply)

    def test_a_call_awaits_a_broker_that_comes(self):
        table = self.table(connected=False)
        id_ = self.put(table)
        self.elapse(table, 3)
        table.on_connected(self.now, 0)
        self.frame(table, 0, reply_to(id_))
        self.assertEnded(id_, "OK")

    def test_a_socket_that_takes_nothing_is_tried_again(self):
        table = self.table()
        self.network.takes = False
        self.put(table)
        self.network.takes = True
        self.elapse(table, 0.02)
        self.assertEqual(len(self.network.sent), 1)

    def test_a_broker_that_is_silent_is_passed_over(self):
        table = self.table(brokers=2)
        self.put(table)
        self.elapse(table, 0.7)
        self.assertEqual([broker for broker, _ in self.network.sent], [0, 1])
        self.put(table)
        self.assertEqual(self.network.sent[-1][0], 1, "new calls go to the other one at once")

    def test_what_was_with_a_broker_that_dies_goes_to_the_next_at_once(self):
        table = self.table(brokers=2)
        id_ = self.put(table)
        table.on_disconnected(self.now, 0)
        self.assertEqual([broker for broker, _ in self.network.sent], [0, 1])
        self.frame(table, 1, reply_to(id_, "NOT_FOUND", message="of either copy"))
        self.assertEnded(id_, "NOT_FOUND")

    def test_each_broker_is_asked_once_where_nothing_was_done(self):
        table = self.table(brokers=3)
        id_ = self.put(table)
        self.frame(table, 0, reply_to(id_, "UNAVAILABLE", message="first"))
        self.frame(table, 1, reply_to(id_, "UNAVAILABLE", message="second"))
        self.assertEqual(self.network.replies, {})
        self.frame(table, 2, reply_to(id_, "UNAVAILABLE", message="third"))
        self.assertEnded(id_, "UNAVAILABLE", "third")

    def test_a_refusal_speaks_for_one_copy_alone(self):
        table = self.table(brokers=2)
        first, second = self.put(table), self.put(table)
        table.on_disconnected(self.now, 0)
        for id_ in (first, second):
            self.frame(table, 1, reply_to(id_, "UNAVAILABLE", message="nothing was done"))
        self.assertEqual(self.network.replies, {}, "the copy that was with the dead broker may still take effect")
        table.on_connected(self.now, 0)
        self.frame(table, 0, reply_to(first, result=True))
        self.assertEnded(first, "OK")
        self.elapse(table, 6)
        self.assertEnded(second, "DEADLINE_EXCEEDED", "may have taken effect")

    def test_the_floor_rises_as_calls_end(self):
        table = self.table()
        first, second, third = (self.put(table) for _ in range(3))
        self.frame(table, 0, reply_to(second))
        self.put(table)
        self.assertEqual((self.network.options()["seq"], self.network.options()["floor"]), (4, 1))
        self.frame(table, 0, reply_to(first))
        table.forget(third)
        self.put(table)
        self.assertEqual((self.network.options()["seq"], self.network.options()["floor"]), (5, 4))

    def test_a_forgotten_call_has_no_end(self):
        table = self.table()
        id_ = self.put(table)
        table.forget(id_)
        table.forget(id_)
        self.frame(table, 0, reply_to(id_))
        self.elapse(table, 6)
        self.assertEqual((self.network.replies, len(self.network.sent)), ({}, 1))

    def test_a_read_has_no_session_and_a_batch_has_one_seq(self):
        table = self.table()
        table.begin(self.now, ask("GET", "a"))
        self.assertEqual(self.network.options(), {"timeout_ms": 5000})
        table.begin(self.now, ask("BATCH", [["PUT", ["a", 1]], ["PUT", ["b", 2]]]))
        self.assertEqual(self.network.options()["seq"], 1)
        self.put(table)
        self.assertEqual(self.network.options()["seq"], 2)

    def test_a_session_of_the_callers_stays_the_callers(self):
        table = self.table()
        self.put(table, session=b"mine", seq=7)
        self.assertEqual(self.network.options(), {"timeout_ms": 5000, "session": b"mine", "seq": 7})

    def test_closing_ends_calls_by_what_is_known(self):
        table = self.table()
        sent = self.put(table)
        table.on_disconnected(self.now, 0)
        waits = self.put(table)
        table.end_all("closed")
        self.assertEnded(sent, "DEADLINE_EXCEEDED", "closed")
        self.assertEnded(waits, "UNAVAILABLE", "closed")


class BatchCopies(TableTest):
    """A BATCH that was sent twice, and whose copies were done in different parts."""

    def start(self, *items):
        table = self.table(brokers=2)
        id_ = table.begin(self.now, ask("BATCH", list(items)))
        table.on_disconnected(self.now, 0)
        table.on_connected(self.now, 0)
        return table, id_

    def statuses(self, id_):
        return [status for status, _, _ in self.network.replies[id_].result]

    def test_each_item_keeps_its_first_answer(self):
        table, id_ = self.start(["PUT", ["a", 1]], ["PUT", ["b", 1]])
        self.frame(table, 1, reply_to(id_, result=[["UNAVAILABLE", None, {}], ["OK", True, {}]]))
        self.assertEqual(self.network.replies, {})
        self.frame(table, 0, reply_to(id_, result=[["OK", True, {"guaranteed": False}], ["UNAVAILABLE", None, {}]]))
        self.assertEqual(self.statuses(id_), ["OK", "OK"])
        self.assertIs(self.network.replies[id_].info["guaranteed"], False)

    def test_an_item_that_all_copies_refused_is_refused(self):
        table, id_ = self.start(["PUT", ["a", 1]], ["GET", ["b"]])
        for broker in (0, 1):
            self.frame(table, broker, reply_to(id_, result=[["UNAVAILABLE", None, {}], ["OK", 2, {}]]))
        self.assertEqual(self.statuses(id_), ["UNAVAILABLE", "OK"])

    def test_an_item_without_an_outcome_is_perhaps_done_at_the_deadline(self):
        table, id_ = self.start(["PUT", ["a", 1]], ["GET", ["b"]])
        self.frame(table, 1, reply_to(id_, result=[["UNAVAILABLE", None, {}], ["OK", 2, {}]]))
        self.elapse(table, 6)
        self.assertEqual(self.statuses(id_), ["DEADLINE_EXCEEDED", "OK"])

    def test_a_read_beside_a_refused_write_of_its_key_saw_too_early_a_moment(self):
        table, id_ = self.start(["PUT", ["a", 1]], ["GET", ["a"]], ["QUERY", [["b"]]])
        self.frame(table, 1, reply_to(id_, result=[["UNAVAILABLE", None, {}], ["OK", "old", {}], ["OK", 3, {}]]))
        self.frame(table, 0, reply_to(id_, result=[["OK", True, {}], ["OK", 1, {}], ["OK", "late", {}]]))
        self.assertEqual([result for _, result, _ in self.network.replies[id_].result], [True, 1, 3])

    def test_a_reply_with_another_number_of_items_is_no_answer(self):
        table, id_ = self.start(["PUT", ["a", 1]])
        self.frame(table, 1, reply_to(id_, result=[]))
        self.frame(table, 1, reply_to(id_, result=7))
        self.assertEqual(self.network.replies, {})


if __name__ == "__main__":
    unittest.main()
