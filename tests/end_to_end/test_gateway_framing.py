"""Where a request ends, and whom it is for: what is not clear by RFC 9112 is refused, and its connection closed.

The requests are harmless: what stands behind an unclear head is a GET of /livez, and the test is that it gets no answer.
"""
import json
import socket

from support import ClusterTest, main
from support.gateway import Gateway

BEHIND = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


class FramingTest(ClusterTest):
    settings = {"workers": 1, "k": 1, "partitions": 4}
    flags = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway = Gateway(cls.cluster, *cls.flags)
        cls.addClassCleanup(cls.gateway.stop)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.gateway.port), timeout=20)
        self.addCleanup(connection.close)
        return connection

    def all_of(self, request):
        """What the gateway answers until it closes the connection."""
        connection = self.connect()
        connection.sendall(request)
        data = b""
        while True:
            try:
                part = connection.recv(65536)
            except ConnectionError:
                return data
            if not part:
                return data
            data += part

    def assertRefused(self, head, status, *words, body=b"", version=b"HTTP/1.1"):
        answer = self.all_of(b"PUT /v1/keys/framing " + version + b"\r\n" + head + b"\r\n" + body + BEHIND)
        self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
        self.assertNotIn(b"HTTP/1.1 200", answer, "nothing behind it is answered")
        self.assertIn(b"connection: close", answer.lower())
        if b"application/problem+json" in answer:
            for word in words:
                self.assertIn(word, json.loads(answer.partition(b"\r\n\r\n")[2])["detail"])
        self.assertEqual(self.gateway.get("/v1/keys/framing").status, 404, "nothing was done")


class Framing(FramingTest):
    def test_what_is_clear_goes_on(self):
        connection = self.connect()
        for head in (b"Host: localhost\r\nContent-Length: 1\r\n", b"host:localhost\r\ncontent-length:1\r\nX:\r\nY: \t b\r\n",
                     b"Host: localhost\r\nContent-Length: 1\r\nX-Long: " + b"x" * 20_000 + b"\r\n"):
            whole = b"PUT /v1/keys/clear HTTP/1.1\r\n" + head + b"\r\n7"
            for at in range(0, len(whole), max(1, len(whole) // 40)):  # In pieces, as a slow link brings them.
                connection.sendall(whole[at:at + max(1, len(whole) // 40)])
            answer = b""
            while not answer.endswith((b"true\n", b"false\n")):
                part = connection.recv(65536)
                self.assertTrue(part, answer)
                answer += part
            self.assertIn(answer.split()[1], (b"200", b"201"), answer)
        several = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" * 9 + b"GET /livez HTTP/1.0\r\n\r\n"
        connection.sendall(several)
        data = b""
        while part := connection.recv(65536):
            data += part
        self.assertEqual(data.count(b"HTTP/1.1 200"), 10, data)

    def test_a_blank_line_in_front_is_skipped(self):
        answer = self.all_of(b"\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer)

    def test_one_length_or_chunks(self):
        host = b"Host: localhost\r\n"
        self.assertRefused(host + b"Content-Length: 1\r\nContent-Length: 2\r\n", 400, "Content-Length", body=b"1")
        self.assertRefused(host + b"Content-Length: 1\r\nContent-Length: 1\r\n", 400, "Content-Length", body=b"1")
        self.assertRefused(host + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400, "exclude", body=b"1\r\n7\r\n0\r\n\r\n")
        self.assertRefused(host + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", 400, "exclude", body=b"1\r\n7\r\n0\r\n\r\n")
        self.assertRefused(host + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400, "Transfer-Encoding")
        self.assertRefused(host + b"Transfer-Encoding: gzip, chunked\r\n", 501, "chunked")
        self.assertRefused(host + b"Transfer-Encoding: identity\r\n", 501, "identity")
        self.assertRefused(host + b"Transfer-Encoding: chunked\r\n", 400, "HTTP/1.0", version=b"HTTP/1.0")
        for length in (b"+1", b"0x1", b"1 ", b"1,1", b"-1", b""):
            with self.subTest(length=length):
                self.assertRefused(host + b"Content-Length: " + length + b"\r\n", 400)

    def test_names_and_lines(self):
        host = b"Host: localhost\r\n"
        self.assertRefused(host + b"Content-Length : 1\r\n", 400, "blank", body=b"1")
        self.assertRefused(host + b"Content-Length\t: 1\r\n", 400, "blank", body=b"1")
        self.assertRefused(b" " + host, 400)
        self.assertRefused(host + b"Content-Length: 1\r\n 0\r\n", 400, body=b"1234567890")
        self.assertRefused(host + b"X: a\r\n\tb\r\n", 400)
        self.assertRefused(host + b"X: a\nContent-Length: 1\r\n", 400, "CR LF", body=b"1")
        self.assertRefused(host + b"X: a\rContent-Length: 1\r\n", 400, "control", body=b"1")
        self.assertRefused(host + b"X: a\0Content-Length: 1\r\nY: b\r\n", 400, "zero byte")

    def test_one_host(self):
        self.assertRefused(b"", 400, "Host")
        self.assertRefused(b"Host: localhost\r\nHost: 127.0.0.1\r\n", 400, "Host")

    def test_the_whole_url_is_taken_as_a_target(self):
        answer = self.all_of(b"GET http://localhost:7480/livez HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer)
        answer = self.all_of(b"GET http://elsewhere/livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 421"), answer)
        answer = self.all_of(b"GET livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 400"), answer)

    def test_the_longest_lengths_are_refused_at_once(self):
        for length in (2**63 - 1, 2**64 - 1, 2**64):
            answer = self.all_of(b"PUT /v1/keys/long HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % length)
            self.assertTrue(answer.startswith(b"HTTP/1.1 413"), answer)


class HostNames(FramingTest):
    flags = ("--host", "db.example.org")

    def test_only_known_hosts_are_answered(self):
        """A page whose name resolves to this gateway has a Host and an Origin that agree."""
        rebound = {"Host": "rebound.example:7480", "Origin": "http://rebound.example:7480"}
        for method, path, body in (("PUT", "/v1/keys/k", "1"), ("GET", "/v1/keys", None), ("GET", "/metrics", None), ("GET", "/", None)):
            refused = self.gateway.request(method, path, body, **rebound)
            self.assertEqual((refused.status, refused.json["code"]), (421, "PERMISSION_DENIED"))
            self.assertIn("--host", refused.json["detail"])
        self.assertEqual(self.gateway.get("/v1/keys/k").status, 404)
        for host in (f"localhost:{self.gateway.port}", "127.0.0.1", "[::1]:80", "DB.example.org", "db.example.org:443"):
            self.assertEqual(self.gateway.put("/v1/keys/k", "1", Host=host, Origin=f"http://{host}").status in (200, 201), True, host)


if __name__ == "__main__":
    main()
