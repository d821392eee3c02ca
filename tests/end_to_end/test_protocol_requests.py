"""docs/protocol.md, sections Transport and Request: envelopes, ids, versions, options, and requests that are broken."""
import random
import struct

import msgpack
import zmq

from support import Client, ClusterTest, Reply, main, request_frame, wait_for

PING = request_frame(7, "PING")
MEBIBYTE = 1 << 20


class Envelopes(ClusterTest):
    settings = {"workers": 1, "k": 1}

    def assertBroken(self, frame):
        reply = Reply.of(frame)
        self.assertError(reply, "INVALID_ARGUMENT")
        self.assertEqual(reply.id, 0)

    def test_one_frame_has_no_envelope_nor_has_its_reply(self):
        frames = self.client.exchange(PING)
        self.assertEqual(len(frames), 1)
        self.assertEqual(msgpack.unpackb(frames[0]), [1, 7, "OK", "PONG", {}])

    def test_an_empty_frame_in_front_comes_back(self):
        frames = self.client.exchange(b"", PING)
        self.assertEqual(frames[:-1], [b""])
        self.assertEqual(Reply.of(frames[-1]).result, "PONG")

    def test_what_proxies_put_in_front_comes_back(self):
        envelope = [b"\x00proxy", b"another" * 30, b""]
        frames = self.client.exchange(*envelope, PING)
        self.assertEqual(frames[:-1], envelope)
        self.assertEqual(Reply.of(frames[-1]).result, "PONG")

    def test_the_envelope_comes_back_from_the_workers_too(self):
        envelope = [b"a", b"b", b""]
        frames = self.client.exchange(*envelope, request_frame(9, "PUT", [self.key(), {"a": 1}]))
        self.assertEqual(frames[:-1], envelope)
        self.assertOk(Reply.of(frames[-1]), True)

    def test_req(self):
        with self.cluster.client(kind=zmq.REQ) as client:
            for number in range(3):
                self.assertOk(client.call("PUT", self.key(), number), number == 0)
                self.assertOk(client.call("GET", self.key()), number)

    def test_req_with_correlation(self):
        with self.cluster.client(kind=zmq.REQ) as client:
            client.socket.setsockopt(zmq.REQ_CORRELATE, 1)
            client.socket.setsockopt(zmq.REQ_RELAXED, 1)
            for _ in range(3):
                self.assertOk(client.call("PING"), "PONG")

    def test_router(self):
        client = Client(kind=zmq.ROUTER)
        self.addCleanup(client.close)
        client.socket.setsockopt(zmq.CONNECT_ROUTING_ID, b"the broker")
        client.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        client.socket.connect(f"tcp://{self.cluster.frontend}")

        def exchanged():
            try:
                return client.exchange(b"the broker", PING)
            except zmq.ZMQError:
                return None  # Not connected yet.
        name, reply = wait_for(exchanged, "the connection")
        self.assertEqual(name, b"the broker")
        self.assertEqual(Reply.of(reply).result, "PONG")
        self.assertEqual(client.exchange(b"the broker", b"", PING)[:-1], [b"the broker", b""])

    def test_a_message_of_one_empty_frame(self):
        self.assertBroken(self.client.exchange(b"")[-1])

    def test_several_frames_with_no_empty_one(self):
        frames = self.client.exchange(PING, PING)
        self.assertEqual(len(frames), 1)
        self.assertBroken(frames[0])

    def test_more_than_one_frame_after_the_envelope(self):
        for rest in ([PING, PING], [PING, b""], [b"", PING], [PING, PING, PING]):
            frames = self.client.exchange(b"x", b"", *rest)
            self.assertEqual(frames[:-1], [b"x", b""])
            self.assertBroken(frames[-1])

    def test_an_envelope_with_nothing_after_it(self):
        frames = self.client.exchange(b"x", b"")
        self.assertEqual(frames[:-1], [b"x", b""])
        self.assertBroken(frames[-1])

    def test_each_broken_message_gets_one_reply(self):
        for frames in ([b""], [b"a", b"b"], [b"", b"a", b"b"], [b"\xc1"], [b"\x00"]):
            self.client.socket.send_multipart(frames)
        for _ in range(5):
            self.assertBroken(self.client.receive_frames()[-1])
        self.assertOk(self.call("PING"), "PONG")
        self.assertTrue(self.client.is_silent(0.3))


class Requests(ClusterTest):
    settings = {"workers": 1, "k": 1}

    def answer(self, *elements):
        """The reply to the packed array of these."""
        return Reply.of(self.client.exchange(msgpack.packb(elements))[-1])

    def assertRefused(self, reply, *words, id_=7):
        self.assertError(reply, "INVALID_ARGUMENT", *words)
        self.assertEqual(reply.id, id_)
        self.assertEqual(reply.version, 1)

    def test_ids_come_back(self):
        for id_ in (0, 1, 127, 128, 2**32, 2**63 - 1):
            self.assertEqual(self.answer(1, id_, "PING", []), Reply("OK", "PONG", {}, id_, 1, b"\xa4PONG"))

    def test_an_id_need_not_be_unique(self):
        for _ in range(3):
            self.client.socket.send(PING)
        self.assertEqual({self.client.receive().id for _ in range(3)}, {7})

    def test_ids_that_are_none(self):
        for id_ in (-1, 2**63, 2**64 - 1, 1.5, "1", None, b"1", True, [1]):
            self.assertRefused(self.answer(1, id_, "PING", []), "id", id_=0)

    def test_an_int_may_be_packed_in_any_width(self):
        wide = b"\x95\xcf" + struct.pack(">Q", 1) + b"\xd3" + struct.pack(">q", 7) + b"\xd9\x04PING\xdd\0\0\0\0\xdf\0\0\0\0"
        self.assertEqual(Reply.of(self.client.exchange(wide)[-1]).result, "PONG")

    def test_versions(self):
        for version in (0, 2, -1, 2**40):
            reply = self.answer(version, 7, "PING", [])
            self.assertIn(reply.status, ("INVALID_ARGUMENT", "UNIMPLEMENTED"))
            self.assertIn("version", reply.message)
        for version in ("1", 1.0, None, True):
            self.assertRefused(self.answer(version, 7, "PING", []), "version", id_=7)

    def test_commands_that_are_none(self):
        for command in ("get", "Get", "", "GETT", "GET ", "x" * 100_000, 1, None, b"G\xffT", ["GET"]):
            self.assertRefused(self.answer(1, 7, command, [self.key()]))
        self.assertRefused(self.answer(1, 7, "FROBNICATE", []), "FROBNICATE")

    def test_arguments_that_are_none(self):
        for arguments in ({}, None, "key", 1, b"key"):  # nil is none, which GET refuses.
            self.assertRefused(self.answer(1, 7, "GET", arguments))

    def test_elements_left_out_or_too_many(self):
        for elements in ([], [1], [1, 7], [1, 7, "PING"], [1, 7, "PING", [], {}, None]):
            self.assertRefused(self.answer(*elements), id_=7 if len(elements) > 1 else 0)

    def test_options_may_be_nil_or_left_out(self):
        for options in ([], [None], [{}]):
            self.assertOk(self.answer(1, 7, "PING", [], *options), "PONG")

    def test_options_that_are_none(self):
        for options in ([1], "x", 1, b"", True, {1: 2}, {b"timeout_ms": -1}):
            self.assertRefused(self.answer(1, 7, "GET", ["k"], options))

    def test_what_packers_of_other_languages_write_is_taken(self):
        """docs/protocol.md, Packers: each as the packer of some language writes it."""
        key = self.key()
        version = self.assertOk(self.answer(1, 7, "PUT", [key, {"list": [10, 20]}], [])).info["version"]
        self.assertOk(self.answer(1, 7, "GET", [key], []), {"list": [10, 20]})
        self.assertOk(self.answer(1, 7, b"GET", [key], {b"consistency": b"stale"}))
        self.assertOk(self.answer(1, 7, "QUERY", [[key, b"list", 1.0]]), 20)
        self.assertOk(self.answer(1, 7, "COMPUTE", ["1+1", []]), 2.0)
        self.assertOk(self.answer(1, 7, "PUT", [key, 1], {"if_version": float(version), "session": "s", "seq": 2.0**32}))
        self.assertEqual(self.answer(1, float(2**32), "PING", None), Reply("OK", "PONG", {}, 2**32, 1, b"\xa4PONG"))

    def test_errors_say_where_and_what(self):
        key = self.key()
        self.assertOk(self.answer(1, 7, "PUT", [key, {"list": [1]}]))
        self.assertError(self.answer(1, 7, "QUERY", [[key, "list", "0"]]), "NOT_FOUND",
                         'step 2, the str "0", meets an array; positions are ints')
        stamp = msgpack.Timestamp(0)
        self.assertRefused(self.answer(1, 7, "PUT", [key, {"x": stamp}]),
                           "document, at .x: ext type -1 (a timestamp) cannot be stored; pack it as number or str")
        self.assertRefused(self.answer(1, 7, "PUT", [key, {2024: 1}]), "a map's key is the int 2024; keys are str")
        cut = request_frame(7, "GET", [key])[:9]
        self.assertRefused(Reply.of(self.client.exchange(cut)[-1]), "not valid MessagePack", "ends early at byte 9")

    def test_a_wrong_number_of_arguments(self):
        key = self.key()
        for command, wrong in {
            "PUT": [[], [key], [key, 1, 2]], "SET": [[], [key], [key, 1, 2]], "GET": [[], [key, 1]], "HAS": [[], [key, 1]],
            "DELETE": [[], [key, 1]], "POP": [[], [key, 1]], "QUERY": [[], [[key], 1], [[]]], "COMPUTE": [[], ["1", {}, 1]],
            "KEYS": [["", 1, None, 1]], "SCAN": [["", 1, None, 1]], "COUNT": [["", 1]], "BATCH": [[], [[], 1]],
            "MEMBERS": [[1]], "LOCATE": [[], [key, 1]], "STATUS": [[1]], "PING": [["hello"]],
        }.items():
            for arguments in wrong:
                with self.subTest(command=command, arguments=arguments):
                    self.assertRefused(self.answer(1, 7, command, arguments))

    def test_a_message_is_one_line_and_text_whatever_was_sent(self):
        for name in ("NO\nSUCH", "NO\x00\x1b[31mSUCH", "\u2028", "é" * 40):
            self.assertRefused(self.answer(1, 7, name, []))
            self.assertRefused(self.answer(1, 7, "GET", ["k"], {name: 1}))
        raw = b"\x94\x01\x07\xa4\xff\xfe\xfd\xfc\x90"  # A command in a str that is no UTF-8.
        self.assertRefused(Reply.of(self.client.exchange(raw)[-1]))

    def test_every_request_cut_short_is_answered(self):
        whole = request_frame(7, "PUT", [self.key(), {"a": [1, 2.5, "x", b"y", None]}], {"timeout_ms": 5000, "if_absent": True})
        for length in range(1, len(whole)):
            reply = Reply.of(self.client.exchange(whole[:length])[-1])
            self.assertError(reply, "INVALID_ARGUMENT")
            self.assertIn(reply.id, (0, 7))
        self.assertError(self.call("GET", self.key()), "NOT_FOUND")

    def test_bytes_after_the_request(self):
        self.assertRefused(Reply.of(self.client.exchange(PING + b"\xc0")[-1]))

    def test_sizes_that_lie(self):
        for frame in (b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff",
                      b"\x95\x01\x07\xa3GET\xdd\xff\xff\xff\xff", b"\x95\x01\x07\xa3GET\x91\xa1k\xdf\xff\xff\xff\xff",
                      b"\x94\x01\x07\xa5BATCH\x91\xdd\xff\xff\xff\xff", b"\x94\x01\x07\xdb\xff\xff\xff\xff"):
            self.assertError(Reply.of(self.client.exchange(frame)[-1]), "INVALID_ARGUMENT")

    def test_nesting_without_end(self):
        for frame in (b"\x91" * MEBIBYTE, b"\x94\x01\x07\xa3GET" + b"\x91" * MEBIBYTE + b"\xc0",
                      b"\x94\x01\x07\xa3PUT\x92\xa1k" + b"\x81\xa1a" * MEBIBYTE + b"\xc0",
                      b"\x95\x01\x07\xa4PING\x90\x81\xa1x" + b"\x91" * MEBIBYTE + b"\xc0"):
            self.assertError(Reply.of(self.client.exchange(frame)[-1]), "INVALID_ARGUMENT")

    def test_random_bytes_are_answered_and_harm_nothing(self):
        random.seed(20)
        valid = [request_frame(7, command, arguments, options) for command, arguments, options in (
            ("PUT", [self.key(), {"a": [1, {"b": b"c"}]}], {"if_absent": True}), ("QUERY", [[self.key(), "a", 1, "b"]], {}),
            ("COMPUTE", ["2*x", {"x": ["k", "a", 0]}], {}), ("BATCH", [[["GET", ["k"]], ["PUT", ["k", 1], {}]]], {}),
            ("KEYS", ["", 10, None], {"consistency": "stale"}))]
        for round_ in range(1500):
            if round_ % 3 == 0:
                frame = random.randbytes(random.randint(1, 200))
            else:
                frame = bytearray(random.choice(valid))
                for _ in range(random.randint(1, 4)):
                    frame[random.randrange(len(frame))] = random.getrandbits(8)
            Reply.of(self.client.exchange(bytes(frame))[-1])
        self.assertOk(self.call("PING"), "PONG")
        self.assertTrue(self.cluster.workers[0].is_running)


class Options(ClusterTest):
    settings = {"workers": 1, "k": 1}

    def test_timeout(self):
        for timeout in (1, 2, 5000, 600_000):
            self.assertOk(self.call("PING", timeout_ms=timeout))
        for timeout in (0, -1, 600_001, 2**63, "100", 1.5, None, True):
            self.assertError(self.call("PING", timeout_ms=timeout), "INVALID_ARGUMENT", "timeout_ms")

    def test_consistency(self):
        self.assertOk(self.call("PUT", self.key(), 1))
        for consistency in ("linearizable", "stale"):
            self.assertOk(self.call("GET", self.key(), consistency=consistency), 1)
        for consistency in ("", "Stale", "eventual", 1, None, b"eventual"):
            self.assertError(self.call("GET", self.key(), consistency=consistency), "INVALID_ARGUMENT", "consistency")

    def test_stale_is_for_every_read(self):
        key = self.key()
        self.assertOk(self.call("PUT", key, {"a": 2}))
        for command, arguments, result in (("GET", [key], {"a": 2}), ("HAS", [key], True), ("QUERY", [[key, "a"]], 2),
                                           ("COMPUTE", ["x^2", {"x": [key, "a"]}], 4.0), ("KEYS", [key], [key]),
                                           ("SCAN", [key], [[key, {"a": 2}]]), ("COUNT", [key], 1)):
            self.assertOk(self.call(command, *arguments, consistency="stale"), result)

    def test_sessions_have_1_to_64_bytes(self):
        for session in ("s", b"s", "s" * 64, b"\xff" * 64):
            self.assertOk(self.call("PUT", self.key(session[:1]), 1, session=session, seq=len(session)))
        for session in ("", b"", "s" * 65, b"s" * 65, 1, None, ["s"]):
            self.assertError(self.call("PUT", self.key(), 1, session=session, seq=1), "INVALID_ARGUMENT", "session")

    def test_seqs(self):
        for seq in (0, 1, 2**63, 2**64 - 1):
            self.assertOk(self.call("PUT", self.key(), 1, session="s", seq=seq))
        for seq in (-1, 1.5, 2.0**54, "1", None):
            self.assertError(self.call("PUT", self.key(), 1, session="s", seq=seq), "INVALID_ARGUMENT", "seq")

    def test_session_and_seq_go_together(self):
        self.assertError(self.call("PUT", self.key(), 1, session="s"), "INVALID_ARGUMENT", "seq")
        self.assertError(self.call("PUT", self.key(), 1, seq=1), "INVALID_ARGUMENT", "session")

    def test_conditions_of_the_wrong_type(self):
        for value in (1, 0, "true", None):
            self.assertError(self.call("PUT", self.key(), 1, if_absent=value), "INVALID_ARGUMENT", "if_absent")
        for value in (-1, 1.5, "1", None, True):
            self.assertError(self.call("PUT", self.key(), 1, if_version=value), "INVALID_ARGUMENT", "if_version")

    def test_both_conditions_together(self):
        self.assertError(self.call("PUT", self.key(), 1, if_absent=True, if_version=1), "INVALID_ARGUMENT")
        self.assertOk(self.call("HAS", self.key()), False)

    def test_unknown_options_are_refused_by_name(self):
        self.assertError(self.call("GET", self.key(), timeout=5), "INVALID_ARGUMENT", "timeout")
        self.assertError(self.call("PUT", self.key(), 1, ttl=5), "INVALID_ARGUMENT", "ttl")
        self.assertOk(self.call("HAS", self.key()), False)

    def test_options_that_do_not_belong_to_the_command(self):
        key = self.key()
        arguments = {"PUT": [key, 1], "SET": [key, 1], "GET": [key], "HAS": [key], "DELETE": [key], "POP": [key],
                     "QUERY": [[key]], "COMPUTE": ["1"], "KEYS": [], "SCAN": [], "COUNT": [], "BATCH": [[]], "MEMBERS": [],
                     "LOCATE": [key], "STATUS": [], "PING": []}
        reads = {"GET", "HAS", "QUERY", "COMPUTE", "KEYS", "SCAN", "COUNT"}
        writes = {"PUT", "SET", "DELETE", "POP"}
        allowed = {"consistency": reads, "session": writes | {"BATCH"}, "if_absent": {"PUT", "SET"},
                   "if_version": {"PUT", "SET", "DELETE"}}
        options = {"consistency": {"consistency": "stale"}, "session": {"session": "s", "seq": 1},
                   "if_absent": {"if_absent": True}, "if_version": {"if_version": 1}}
        for name, given in options.items():
            for command in arguments.keys() - allowed[name]:
                with self.subTest(option=name, command=command):
                    self.assertError(self.call(command, *arguments[command], **given), "INVALID_ARGUMENT")


class Sizes(ClusterTest):
    settings = {"workers": 1, "k": 1}

    def test_a_request_of_64_mebibytes_is_answered(self):
        junk = request_frame(7, "PUT", [self.key(), b"x" * (64 * MEBIBYTE)])
        frame = junk[:64 * MEBIBYTE]
        self.assertError(Reply.of(self.client.exchange(frame)[-1]), "INVALID_ARGUMENT")

    def test_a_good_request_of_64_mebibytes_is_done(self):
        def frame_with(filler):
            items = [["PUT", [self.key(str(number)), b"x" * (15 * MEBIBYTE)]] for number in range(4)]
            return request_frame(7, "BATCH", [[*items, ["PUT", [self.key("filler"), b"x" * filler]]]], {"timeout_ms": 60_000})
        frame = frame_with(64 * MEBIBYTE - len(frame_with(MEBIBYTE)) + MEBIBYTE)
        self.assertEqual(len(frame), 64 * MEBIBYTE)
        reply = self.assertOk(Reply.of(self.client.exchange(frame, wait=60)[-1]))
        self.assertEqual([item[0] for item in reply.result], ["OK"] * 5)

    def test_a_larger_request_closes_the_connection(self):
        client = self.client_of(self.cluster)
        monitor = client.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.addCleanup(client.socket.disable_monitor)
        self.assertOk(client.call("PING"))
        client.socket.send(b"x" * (64 * MEBIBYTE + 1))
        self.assertTrue(monitor.poll(20_000), "the connection was not closed")
        self.assertOk(self.call("PING"), "PONG")
        self.assertTrue(self.cluster.brokers[0].is_running)


if __name__ == "__main__":
    main()
