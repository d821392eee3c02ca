"""docs/reliability.md, Heavy requests: what one client asks takes no worker down, and leaves the others their share."""
import subprocess
import sys
import threading
import time

from support import ClusterTest, main

FIELDS = 40_000
ITEMS = 10_000

# A client of its own process, which asks for the same again and again and prints how many replies it got.
ASKER = """
import sys
import msgpack
import zmq
endpoint, under_way, key = sys.argv[1], int(sys.argv[2]), sys.argv[3]
socket = zmq.Context().socket(zmq.DEALER)
socket.linger = 0
socket.connect("tcp://" + endpoint)
frame = msgpack.packb([1, 1, "BATCH", [[["GET", [key]]] * 10_000], {"timeout_ms": 60_000}])
for _ in range(under_way):
    socket.send(frame)
while True:
    socket.recv(copy=False)
    print("reply", flush=True)
    socket.send(frame)
"""


class Neighbour(threading.Thread):
    """Another client, which writes small documents one after another until it is told to stop."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self._client = cluster.client()
        self._stopped = threading.Event()
        self.statuses = []
        self.longest = 0

    def run(self):
        while not self._stopped.is_set():
            begin = time.monotonic()
            number = len(self.statuses)
            self.statuses.append(self._client.call("PUT", f"neighbour.{number % 97}", number, timeout_ms=20_000).status)
            self.longest = max(self.longest, time.monotonic() - begin)

    def rate(self, seconds):
        """Its writes a second, over so many seconds from now on."""
        before = len(self.statuses)
        time.sleep(seconds)
        return (len(self.statuses) - before) / seconds

    def stop(self):
        self._stopped.set()
        self.join()
        self._client.close()


class HeavyRequests(ClusterTest):
    settings = {"workers": 3, "k": 2}

    def setUp(self):
        super().setUp()
        self.neighbour = Neighbour(self.cluster)
        self.neighbour.start()
        self.addCleanup(self.neighbour.stop)

    def assert_nobody_was_called_down(self):
        broker = self.cluster.brokers[0].output()
        self.assertNotIn("is down", broker)
        for worker in self.cluster.workers:
            self.assertNotIn("did not run for a while", worker.output())

    def test_ten_thousand_queries_of_a_large_map_take_no_worker_down(self):
        document = {f"field{number:05}": "v" * 14 for number in range(FIELDS)}
        self.assertOk(self.call("PUT", self.key(), document))
        for name in ("field", "nothing"):  # Paths that lead nowhere cost as much.
            items = [["QUERY", [[self.key(), f"{name}{number * 4:05}"]]] for number in range(ITEMS)]
            before = len(self.neighbour.statuses)
            reply = self.call("BATCH", items, timeout_ms=20_000)
            self.assertOk(reply)
            expected = "OK" if name == "field" else "NOT_FOUND"
            self.assertEqual({status for status, _, _ in reply.result}, {expected})
            self.assertOk(self.call("PUT", self.key(), document))  # The next one is indexed anew.
            self.assertGreater(len(self.neighbour.statuses), before, "the other client goes on")
        single = [self.client.send("QUERY", [self.key(), f"field{number * 7:05}"], timeout_ms=20_000)
                  for number in range(5_000)]
        self.assertEqual({self.client.receive().status for _ in single}, {"OK"})
        self.assert_nobody_was_called_down()
        self.assertEqual(set(self.neighbour.statuses), {"OK"})
        self.assertLess(self.neighbour.longest, 1.5, "no leader was lost on the way")

    def test_reads_among_writes_take_no_worker_down(self):
        document = "x" * 60_000
        items = [["PUT", [self.key(), document]]] + [["GET", [self.key()]]] * (ITEMS - 1)
        reply = self.call("BATCH", items, timeout_ms=20_000)
        self.assertOk(reply)
        self.assertEqual(reply.result[0][0], "OK")
        # Where the batch was sent again (a leader may change), reads are repeated, whose results are too large to keep.
        refused = {"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"}
        self.assertLessEqual({status for status, _, _ in reply.result}, {"OK"} | refused)
        self.assertTrue(all(result == document for status, result, _ in reply.result[1:] if status == "OK"))
        self.assert_nobody_was_called_down()
        self.assertEqual(set(self.neighbour.statuses), {"OK"})

    def test_large_reads_of_one_client_leave_another_its_share(self):
        self.assertOk(self.call("PUT", self.key(), b"x" * (1 << 20)))
        alone = self.neighbour.rate(2)
        asker = subprocess.Popen([sys.executable, "-c", ASKER, self.cluster.frontend, "20", self.key()],
                                 stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(asker.stdout.readline(), "reply\n", "and the large requests come to their end as well")
            beside = self.neighbour.rate(5)
        finally:
            asker.kill()
            asker.communicate()
        self.assertEqual(set(self.neighbour.statuses), {"OK"})
        # Client, broker and three workers share two cores with the copying of gigabytes: a fair share of their time is
        # far from a fair share of the rate.  A seventh is usual; the bound leaves room for a busy machine.
        self.assertGreater(beside, alone / 20, f"{beside:.0f} a second beside them, {alone:.0f} alone")
        self.assert_nobody_was_called_down()


if __name__ == "__main__":
    main()
