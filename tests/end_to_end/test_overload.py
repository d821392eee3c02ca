"""docs/protocol.md, section Transport: how much may be under way, and what becomes of a client that does not read."""
import collections
import time

from support import ClusterTest, Reply, main, request_frame, wait_for

MEBIBYTE = 1 << 20
UNDER_WAY_MAX = 65_536


def resident_bytes(process):
    """What the process holds in memory."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


class UnderWay(ClusterTest):
    settings = {"workers": 3, "k": 2}

    def test_65_536_requests_are_under_way_and_the_next_ones_are_refused(self):
        extra = 100
        frames = [request_frame(number, "PUT", [f"under-way.{number % 1000}", number], {"timeout_ms": 60_000})
                  for number in range(UNDER_WAY_MAX + extra)]
        for worker in self.cluster.workers:
            worker.pause()
        try:
            for frame in frames:
                self.client.socket.send(frame)
            refused = [self.client.receive(wait=10) for _ in range(extra)]
            self.assertTrue(self.client.is_silent(0.1), "those that are under way wait for the workers")
        finally:
            for worker in self.cluster.workers:
                worker.resume()
        for reply in refused:
            self.assertError(reply, "RESOURCE_EXHAUSTED", "65536")
        self.assertEqual({reply.id for reply in refused}, set(range(UNDER_WAY_MAX, UNDER_WAY_MAX + extra)))
        others = [self.client.receive(wait=60) for _ in range(UNDER_WAY_MAX)]
        self.assertEqual(collections.Counter(reply.status for reply in others), {"OK": UNDER_WAY_MAX})
        self.assertEqual({reply.id for reply in others}, set(range(UNDER_WAY_MAX)))
        self.assertOk(self.call("PING"), "PONG")
        self.assertTrue(self.client.is_silent(0.3), "each request has one reply")

    def test_many_clients_at_once(self):
        clients = [self.client_of(self.cluster) for _ in range(200)]
        for round_ in range(5):
            for number, client in enumerate(clients):
                client.send("PUT", self.key(str(number)), [number, round_])
            for client in clients:
                self.assertOk(client.receive())
        for number, client in enumerate(clients):
            self.assertOk(client.call("GET", self.key(str(number))), [number, 4])

    def test_requests_under_way_together_are_all_answered(self):
        ids = {self.client.send("PUT", self.key(str(number % 97)), number) for number in range(20_000)}
        replies = [self.client.receive() for _ in ids]
        self.assertEqual({reply.id for reply in replies}, ids)
        self.assertEqual({reply.status for reply in replies}, {"OK"})
        self.assertOk(self.call("COUNT", self.key()), 97)


class NotReading(ClusterTest):
    settings = {"workers": 1, "k": 1}

    def test_large_replies_are_bounded_dropped_and_logged(self):
        self.assertOk(self.call("PUT", self.key(), b"x" * MEBIBYTE))
        before = resident_bytes(self.cluster.brokers[0])
        mute = self.client_of(self.cluster, receive_limit=1, receive_buffer=65_536)
        asked = 600
        for _ in range(asked):
            mute.send("GET", self.key(), timeout_ms=60_000)
        broker = self.cluster.brokers[0]
        wait_for(lambda: "drop" in broker.output().lower(), "the broker to log that it drops replies", 30)
        self.assertOk(self.call("GET", self.key()))
        self.assertLess(resident_bytes(broker) - before, 300 * MEBIBYTE)
        begin = time.monotonic()
        for _ in range(20):
            self.assertOk(self.call("PING"), "PONG")
        self.assertLess(time.monotonic() - begin, 2, "the others do not feel it")
        received = 0
        while not mute.is_silent(1.0):
            self.assertOk(Reply.of(mute.socket.recv_multipart()[-1]))
            received += 1
        self.assertLess(received, asked)
        self.assertGreaterEqual(received, 32)
        self.assertOk(mute.call("PING"), "PONG")

    def test_small_replies_are_bounded_too(self):
        broker = self.cluster.brokers[0]
        before = resident_bytes(broker)
        mute = self.client_of(self.cluster, receive_limit=1, receive_buffer=4096)
        ping = request_frame(1, "PING")
        for _ in range(400_000):
            mute.socket.send(ping)
        for _ in range(20):
            self.assertOk(self.call("PING"), "PONG")
        self.assertLess(resident_bytes(broker) - before, 300 * MEBIBYTE)

    def test_a_client_that_is_gone_harms_nothing(self):
        for _ in range(50):
            with self.cluster.client() as client:
                for number in range(200):
                    client.send("PUT", self.key(str(number)), number)
        self.assertOk(self.call("PUT", self.key(), 1))


if __name__ == "__main__":
    main()
