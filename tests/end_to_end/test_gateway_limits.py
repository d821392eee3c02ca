"""The gateway's bounds: slow senders, bodies of all together, long heads, clients that go in the middle of a listing."""
import concurrent.futures
import json
import socket

from prometheus_client.parser import text_string_to_metric_families

from support import EndToEndTest, main, wait_for
from support.gateway import Gateway


class Limits(EndToEndTest):
    bound = 240

    def start(self, *flags):
        self.cluster = self.start_cluster(workers=1, k=1, partitions=4)
        self.gateway = Gateway(self.cluster, *flags)
        self.addCleanup(self.gateway.stop)

    def metric(self, name):
        for family in text_string_to_metric_families(self.gateway.get("/metrics").body.decode()):
            for sample in family.samples:
                if sample.name == name and not sample.labels:
                    return sample.value
        return self.fail(f"no metric {name}")

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.gateway.port), timeout=30)
        self.addCleanup(connection.close)
        return connection

    def answer_of(self, connection):
        """Status, headers and body of the next response on a plain socket."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            self.assertTrue(part, data)
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        while len(body) < int(headers["content-length"]):
            body += connection.recv(65536)
        return int(lines[0].split()[1]), headers, body

    def assertProblem(self, answer, status):
        found, headers, body = answer
        self.assertEqual((found, headers["content-type"]), (status, "application/problem+json"), body)
        self.assertEqual(json.loads(body)["status"], status)
        return headers

    def is_closed(self, connection):
        """Whether the gateway has ended the connection, which brings nothing else."""
        connection.setblocking(False)
        try:
            return connection.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def test_who_sends_a_byte_now_and_then_is_closed(self):
        self.start("--request-time", "1")
        slow = self.connect()
        slow.sendall(b"PUT /v1/keys/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")

        def closed():
            if self.is_closed(slow):
                return True
            try:
                slow.send(b" ")
            except BlockingIOError:
                pass
            except ConnectionError:
                return True
            return False
        wait_for(closed, "the slow sender to be closed", 15, every=0.1)
        self.assertEqual(self.metric("trellis_gateway_slow_connections_closed_total"), 1)
        wait_for(lambda: self.metric("trellis_gateway_request_body_bytes") == 0, "its body to be dropped")
        self.assertEqual(self.gateway.put("/v1/keys/k", 1).status, 201, "others are served")

    def test_bodies_of_all_together_are_bounded(self):
        self.start("--body-memory", "1")
        body = json.dumps("x" * 700_000).encode()
        first = self.connect()
        first.sendall(b"PUT /v1/keys/first HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-10])
        wait_for(lambda: self.metric("trellis_gateway_request_body_bytes") >= 699_000, "the first body to be held")
        refused = self.gateway.put("/v1/keys/second", body)
        self.assertEqual((refused.status, refused["Content-Type"], refused["Retry-After"]), (503, "application/problem+json", "1"))
        unannounced = self.connect()  # Its size is not told beforehand.
        unannounced.sendall(b"PUT /v1/keys/third HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
                            b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
        self.assertProblem(self.answer_of(unannounced), 503)
        first.sendall(body[-10:])
        self.assertEqual(self.answer_of(first)[0], 201)
        self.assertEqual(self.metric("trellis_gateway_request_body_bytes"), 0)
        self.assertEqual(self.gateway.put("/v1/keys/second", body).status, 201)

    def test_long_heads_are_problems_too(self):
        self.start()
        for path, header, status in (("/v1/keys?prefix=" + "p" * 30_000, "", 414),
                                     ("/livez", "X-Long: " + "h" * 30_000 + "\r\n", 431)):
            with self.subTest(status=status):
                connection = self.connect()
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode())
                self.assertProblem(self.answer_of(connection), status)
        longest = self.gateway.get("/v1/keys/" + "%00" * 4096)
        self.assertEqual((longest.status, longest.json["code"]), (404, "NOT_FOUND"), "the longest key fits")

    def test_clients_that_go_in_the_middle_of_a_listing_leave_nothing_behind(self):
        self.start()
        text = "x" * 100_000
        for batch in range(8):
            self.gateway.request("POST", "/v1/batch", [["PUT", [f"k{batch}.{i}", text]] for i in range(50)])

        def begin_and_go():
            connection = self.connect()
            connection.sendall(b"GET /v1/scan HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 200"))
            connection.close()
            wait_for(self.is_idle, "the gateway to let go of it")

        for _ in range(5):
            begin_and_go()
        before = self.metric("process_resident_memory_bytes")
        for _ in range(30):  # Each holds a page of 16 MiB.
            begin_and_go()
        self.assertLess(self.metric("process_resident_memory_bytes"), before + (128 << 20))
        self.assertEqual(len(self.gateway.get("/v1/scan").json), 400, "it serves as before")
        self.assertEqual(self.gateway.process.stop(), 0)

    def test_many_large_scans_at_once_come_whole_or_are_told_so(self):
        self.start()
        text = "x" * 100_000
        for batch in range(8):
            self.gateway.request("POST", "/v1/batch", [["PUT", [f"k{batch}.{i:02}", text]] for i in range(50)])

        def scan(_):
            answer = self.gateway.request("GET", "/v1/scan", timeout=300)  # Fails where the end is missing.
            if answer.status in (503, 504):  # Its turn did not come in time, or the first page did not.
                self.assertIn(answer.json["code"], ("UNAVAILABLE", "DEADLINE_EXCEEDED"))
                return None
            self.assertEqual(answer.status, 200)
            return len(answer.json)

        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            found = list(pool.map(scan, range(40)))
        self.assertEqual(set(found) - {None}, {400}, found)
        self.assertIn(400, found, "some come whole")
        self.assertEqual(self.metric("trellis_gateway_listings_broken_total"), 0)
        wait_for(self.is_idle, "all turns to be given back")
        self.assertEqual(len(self.gateway.get("/v1/scan").json), 400, "it serves as before")

    def is_idle(self):
        # The connection that asks is the one that is left.
        return self.metric("trellis_gateway_connections") == 1 and self.metric("trellis_gateway_calls_in_flight") == 0


if __name__ == "__main__":
    main()
