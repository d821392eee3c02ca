"""Links of a few MB/s: large documents and snapshots get through, and nothing urgent waits behind them.

Where network namespaces, or a limit on a link's rate, are not to be had, there is nothing to test, and it says so.
"""
import sys

from support import EndToEndTest, main, wait_for
from support.network import Network, NotAllowed, enter
from support.slow_links import MIB, MixedTraffic, SlowCluster, document, watch_leaders

_KEYS = [f"key-{number}" for number in range(8)]
_network = None


class SlowLinks(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(_network.remove_hosts)

    def start(self, partitions=4):
        self.cluster = SlowCluster(self.folder, _network, partitions=partitions)
        self.addCleanup(self.cluster.stop)
        self.cluster.start()

    def watch(self):
        self.start()
        self.cluster.settle()
        leaders = watch_leaders(self.cluster, _KEYS)
        self.addCleanup(leaders.stop)
        return leaders

    def test_a_large_document_is_written_and_read_and_nobody_loses_the_lead(self):
        large = document(14 * MIB, 1)
        leaders = self.watch()
        self.cluster.limit(4_000_000, "worker-0", "worker-1", "worker-2")
        with self.cluster.client() as client:
            self.assertOk(client.call("PUT", "large", large, timeout_ms=60_000, wait=70))
            self.cluster.limit(5_000_000)
            self.assertOk(client.call("GET", "large", timeout_ms=30_000, wait=40), large)
        leaders.stop()
        self.assertFalse(leaders.changes)

    def test_mixed_traffic_at_2_mb_a_second_is_answered_rightly_and_nobody_loses_the_lead(self):
        leaders = self.watch()
        self.cluster.limit(2_000_000)
        traffic = MixedTraffic(self.cluster.frontend, largest=1_000_000)
        self.addCleanup(traffic.stop)
        traffic.wait_until(4_000_000, 60)
        traffic.stop()
        leaders.stop()
        self.assertEqual(traffic.wrong, [])
        self.assertFalse(traffic.refused)
        self.assertFalse(leaders.changes)

    def test_snapshots_arrive_over_a_slow_link(self):
        self.start(partitions=1)
        with self.cluster.client() as client:
            self.cluster.kill_worker(2)
            # More log than is kept: who comes back needs the snapshot.
            for turn in range(12):
                for number in range(8):
                    self.assertOk(client.call("PUT", f"{number}", document(MIB, turn * 100 + number), timeout_ms=30_000))
        self.cluster.limit(2_000_000)
        log = self.cluster.folder / "worker-2.log"
        self.cluster.start_worker(2)
        wait_for(lambda: "installing the snapshot" in log.read_text(), "a snapshot", 60)
        self.cluster.wait_until_whole()
        self.assertNotIn("gave up", log.read_text())


if __name__ == "__main__":
    try:
        enter()
        _network = Network()
        _network.add_host("a-try")
        _network.limit("a-try", 1_000_000)
        _network.remove_hosts()
    except NotAllowed as why:
        print(f"nothing is tested: {why}", file=sys.stderr)
        sys.exit(0)
    main()
